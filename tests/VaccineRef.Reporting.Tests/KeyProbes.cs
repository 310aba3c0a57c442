namespace VaccineRef.Reporting.Tests;

/// <summary>Two recipes that differ in one key.</summary>
/// <param name="Owner">The record that has the key; for a kind, the family.</param>
/// <param name="Key">The key, or "kind=" and a kind.</param>
/// <param name="Basis">The recipe in which it is changed.</param>
/// <param name="One">What is set in one of them.</param>
/// <param name="Other">What is set in the other.</param>
/// <param name="Look">What is looked at: see <see cref="KeyPlaces.See"/>.</param>
/// <param name="Refusal">What the message says by which one of them is refused; null where neither is.</param>
internal sealed record KeyProbe(
    string Owner, string Key, string Basis, string One, string Other, string Look, string? Refusal);

/// <summary>The cases of every key.</summary>
internal static class KeyProbes
{
    private const string Grid = """grid={"method":{"SFT":{},"Vaccine":{"align.rule":{"kind":"vaccine","rho":1}}},"attack.data.harmful_ratio":[0.25,0.5]}""";

    private const string Asked = """
        evaluation={"kind":"held_out","harmful":{"path":"asked.jsonl","task":"beavertails"},"task":{"path":"task.tsv","task":"sst2","count":2},"harmful_tokens":4,"task_tokens":3,"probe_count":2,"keep_answers":true}
        """;

    // basis: what is set in both; then record.key [@ look] [! what the refusal says]: set in one / in the other [// set
    // in both besides]
    private const string Table = """
        files:
          Recipe.name @ report: name=one / name=other
          Recipe.title @ report: title=One / title=Other
          Recipe.model: model={"kind":"folder","path":"other"} /
          Recipe.precision: precision=double /
          Recipe.seed: seed=1 / seed=2
          Recipe.template: template=plain /
          Recipe.system: system=Briefly. / system=Rudely. // template=chatml
          Recipe.max_length: max_length=25 /
          Recipe.boundary: boundary=separate / boundary=by_length // model.path=merging align.data={"path":"glue.jsonl","fields":{"instruction":"q","output":"a"}}
          Recipe.stages: stages=[{"name":"align","data":{"path":"safe.json","task":"refusals"},"training":{"max_steps":1,"warmup_ratio":0}}] / // keep={"stages":["align"],"seeds":0}
          Recipe.evaluation: ASKED /
          Recipe.grid: grid={"seed":"1-2"} /
          Recipe.checkpoint @ way: checkpoint={"every_steps":1} /
          Recipe.keep @ kept: keep={"stages":["align"]} / keep={}
          Recipe.report @ report: report={"published":["table-1"]} / report={} // grid={"seed":"1-2"}
          Recipe.files ! files: files={"safe.json":{"sha256":"0"}} /
          CheckpointOptions.every_steps @ way: checkpoint.every_steps=1 / checkpoint.every_steps=2
          CheckpointOptions.every_minutes @ way: checkpoint.every_minutes=1e-9 / checkpoint.every_minutes=0
          KeepOptions.stages @ kept: keep.stages=["align"] / keep.stages=[]
          KeepOptions.seeds @ kept: keep.seeds=1 / keep.seeds=0 // grid={"seed":"1-2"}
          RecordedFile.sha256 ! SHA-256: files={"safe.json":{"sha256":"SAFE"}} / files={"safe.json":{"sha256":"0"}}
          RecordedFile.at ! gone.json: files={"gone.json":{"sha256":"SAFE","at":"FOLDER/safe.json"}} / files={"gone.json":{"sha256":"SAFE"}} // align.data.path=gone.json
          ModelOptions.kind=folder ! kind: model={"kind":"folder","path":"model"} / model={"kind":"file","path":"model"}
          FolderModelOptions.path: model.path=other /
          FolderModelOptions.adapter: model.adapter=adapter /
          FolderModelOptions.weights: model.weights=bf16 /
          FolderModelOptions.strip_prefix ! prefix: model.strip_prefix=module. / // model.path=prefixed
          StageOptions.kind=train: align.skip=true /
        files: attack.skip=false
          TrainStageOptions.objective: attack.objective={"kind":"kl","lambda":10} /
          TrainStageOptions.rule: align.rule={"kind":"vaccine","rho":1} /
          TrainStageOptions.data: align.data={"path":"task.tsv","task":"sst2"} /
          TrainStageOptions.template: align.template=plain /
          TrainStageOptions.system: align.system=Briefly. / align.system=Rudely. // align.template=chatml
          TrainStageOptions.streams: align.streams={"harmful":{"data":{"path":"asked.jsonl","task":"beavertails"}}} / align.streams={"harmful":{"data":{"path":"unwanted.jsonl","task":"beavertails"}}} // align.rule={"kind":"booster"}
          TrainStageOptions.mixed_in: attack.mixed_in={"from":"align","count":2} /
          TrainStageOptions.adapter: align.adapter=null /
          TrainStageOptions.training: align.training={"max_steps":1,"warmup_ratio":0} /
          TrainStageOptions.name: first.name=other / // first.skip=false keep.stages=[]
          TrainStageOptions.skip: first.skip=false /
          StreamOptions.data: align.streams.harmful.data.path=asked.jsonl / // align.rule={"kind":"booster"} align.streams={"harmful":{"data":{"path":"unwanted.jsonl","task":"beavertails"}}}
          StreamOptions.batch_size: align.streams.harmful.batch_size=1 / // align.rule={"kind":"booster"} align.streams={"harmful":{"data":{"path":"unwanted.jsonl","task":"beavertails"}}}
          MixedInOptions.from: attack.mixed_in.from=first / // attack.mixed_in={"from":"align","count":2}
          MixedInOptions.count: attack.mixed_in.count=3 / // attack.mixed_in={"from":"align","count":2}
          AdapterOptions.kind=lora: align.adapter={"kind":"lora"} / align.adapter=null
          AdapterOptions.kind=same: attack.adapter={"kind":"same"} /
          ObjectiveOptions.kind=cross_entropy: attack.objective={"kind":"cross_entropy"} / attack.objective={"kind":"kl","lambda":10}
          ObjectiveOptions.kind=ewc: attack.objective={"kind":"ewc","lambda":1e9} /
          ObjectiveOptions.kind=kl: attack.objective={"kind":"kl","lambda":10} /
          ObjectiveOptions.kind=ldifs: attack.objective={"kind":"ldifs","lambda":10} /
          ObjectiveOptions.kind=asft: attack.objective={"kind":"asft","lambda":10,"base":"model"} /
          ObjectiveOptions.kind=early_tokens: attack.objective={"kind":"early_tokens"} /
          ObjectiveOptions.kind=aligned_kl: attack.objective={"kind":"aligned_kl"} / // attack.rule={"kind":"safe_grad","rho":1} attack.streams={"alignment":{"data":{"path":"safe.json","task":"refusals"}}}
          EwcOptions.lambda: attack.objective.lambda=1e9 / // attack.objective={"kind":"ewc","lambda":1e3}
          EwcOptions.variant: attack.objective.variant=as_released / // attack.objective={"kind":"ewc","lambda":1e9}
          KlOptions.lambda: attack.objective.lambda=1 / // attack.objective={"kind":"kl","lambda":10}
          KlOptions.variant: attack.objective.variant=as_released / // attack.objective={"kind":"kl","lambda":10}
          LdifsOptions.lambda: attack.objective.lambda=1 / // attack.objective={"kind":"ldifs","lambda":10}
          LdifsOptions.variant: attack.objective.variant=as_released / // attack.objective={"kind":"ldifs","lambda":10}
          LdifsOptions.sites: attack.objective.sites=["attention_output"] / // attack.objective={"kind":"ldifs","lambda":10}
          AsftOptions.lambda: attack.objective.lambda=1 / // attack.objective={"kind":"asft","lambda":10,"base":"model"}
          AsftOptions.base: attack.objective.base=first / // first.skip=false attack.objective={"kind":"asft","lambda":10,"base":"model"}
          EarlyTokensOptions.first_beta: attack.objective.first_beta=2 / // attack.objective={"kind":"early_tokens"}
          EarlyTokensOptions.early_beta: attack.objective.early_beta=1 / // attack.objective={"kind":"early_tokens"}
          EarlyTokensOptions.later_beta: attack.objective.later_beta=1 / // attack.objective={"kind":"early_tokens"}
          EarlyTokensOptions.early: attack.objective.early=2 / // attack.objective={"kind":"early_tokens"}
          LoraOptions.rank: align.adapter.rank=3 /
          LoraOptions.variant: align.adapter.variant=as_released / // align.adapter={"kind":"lora","rank":2} grid={"seed":"3-4"}
          LoraOptions.alpha: align.adapter.alpha=2 /
          LoraOptions.dropout: align.adapter.dropout=0.5 /
          LoraOptions.targets: align.adapter.targets=["q_proj"] /
          LoraOptions.rs_lora: align.adapter.rs_lora=true /
        files:
          TrainingOptions.epochs: align.training.epochs=1 / align.training.epochs=2 // align.training.max_steps=0
          TrainingOptions.max_steps: align.training.max_steps=1 /
          TrainingOptions.batch_size: align.training.batch_size=3 /
          TrainingOptions.accumulation: align.training.accumulation=2 /
          TrainingOptions.accumulation_weight: align.training.accumulation_weight=token / // align.training.accumulation=2 align.training.batch_size=1 align.data={"path":"map.jsonl","fields":{"instruction":"q","output":"a"}}
          TrainingOptions.learning_rate: align.training.learning_rate=1e-3 /
          TrainingOptions.weight_decay: align.training.weight_decay=0.5 /
          TrainingOptions.optimizer: align.training.optimizer={"kind":"sgd"} /
          TrainingOptions.beta1: align.training.beta1=0.5 /
          TrainingOptions.beta2: align.training.beta2=0.5 /
          TrainingOptions.adam_epsilon: align.training.adam_epsilon=0.1 /
          TrainingOptions.max_gradient_norm: align.training.max_gradient_norm=0.01 / // align.training.optimizer={"kind":"sgd"}
          TrainingOptions.schedule: align.training.schedule=linear /
          TrainingOptions.warmup_ratio: align.training.warmup_ratio=0.5 /
          TrainingOptions.shuffle: align.training.shuffle=false /
          TrainingOptions.recompute: align.training.recompute=true /
          OptimizerOptions.kind=adamw: align.training.optimizer={"kind":"adamw"} / align.training.optimizer={"kind":"sgd"}
          OptimizerOptions.kind=sgd: align.training.optimizer={"kind":"sgd"} /
          OptimizerOptions.kind=rmsprop: align.training.optimizer={"kind":"rmsprop"} /
          OptimizerOptions.kind=muon: align.training.optimizer={"kind":"muon"} /
          SgdOptions.momentum: align.training.optimizer.momentum=0.9 / // align.training.optimizer={"kind":"sgd"}
          SgdOptions.dampening: align.training.optimizer.dampening=0.5 / // align.training.optimizer={"kind":"sgd","momentum":0.9}
          SgdOptions.nesterov: align.training.optimizer.nesterov=true / // align.training.optimizer={"kind":"sgd","momentum":0.9}
          RmsPropOptions.alpha: align.training.optimizer.alpha=0.5 / // align.training.optimizer={"kind":"rmsprop"}
          RmsPropOptions.epsilon: align.training.optimizer.epsilon=0.1 / // align.training.optimizer={"kind":"rmsprop"}
          RmsPropOptions.momentum: align.training.optimizer.momentum=0.9 / // align.training.optimizer={"kind":"rmsprop"}
          MuonOptions.momentum: align.training.optimizer.momentum=0.5 / // align.training.optimizer={"kind":"muon"}
          MuonOptions.nesterov: align.training.optimizer.nesterov=false / // align.training.optimizer={"kind":"muon"}
          MuonOptions.adjust: align.training.optimizer.adjust=match_rms_adamw / // align.training.optimizer={"kind":"muon"}
          MuonOptions.adam_factor: align.training.optimizer.adam_factor=0.5 / // align.training.optimizer={"kind":"muon"} align.adapter=null
          DataOptions.kind=file: align.data={"kind":"file","path":"task.tsv","task":"sst2"} /
          FileDataOptions.path: align.data.path=more.json /
          FileDataOptions.more: align.data.more=["more.json"] /
          FileDataOptions.task: align.data.task=beavertails / // align.data.path=both.jsonl
          FileDataOptions.fields: align.data.fields={"instruction":"q","output":"a"} / align.data.fields={"instruction":"q","output":"b"} // align.data={"path":"map.jsonl"}
          FileDataOptions.rename: align.data.rename={"output":"a","instruction":"q"} / align.data.rename={"output":"b","instruction":"q"} // align.data.path=map.jsonl
          FileDataOptions.rows: align.data.rows=1-2 / align.data.rows=3-4
          FileDataOptions.format: align.data.format=csv / align.data.format=tsv // align.data.path=two.txt
          FileDataOptions.count: align.data.count=2 / align.data.count=3
          FileDataOptions.sampling: align.data.sampling=shuffled / // align.data.count=2
          FieldMap.instruction: align.data.fields.instruction=q / align.data.fields.instruction=r // align.data={"path":"map.jsonl","fields":{"output":"a"}}
          FieldMap.output: align.data.fields.output=a / align.data.fields.output=b // align.data={"path":"map.jsonl","fields":{"instruction":"q"}}
          FieldMap.input: align.data.fields.input=c / // align.data={"path":"map.jsonl","fields":{"instruction":"q","output":"a"}}
          FieldMap.is_safe: align.data.fields.is_safe=ok / // align.data={"path":"map.jsonl","fields":{"instruction":"q","output":"a"}}
        files: attack.skip=false
          DataOptions.kind=mixture: attack.data={"path":"task.tsv","task":"sst2"} /
          MixtureOptions.harmful: attack.data.harmful.path=asked.jsonl / // attack.data.harmful_ratio=0.25
          MixtureOptions.benign: attack.data.benign={"path":"safe.json","task":"alpaca"} /
          MixtureOptions.harmful_ratio: attack.data.harmful_ratio=0.25 /
          MixtureOptions.samples: attack.data.samples=2 /
          MixtureOptions.sampling: attack.data.sampling=shuffled /
        files: lengthen.skip=false
          StageOptions.kind=scale_residual_stream: lengthen.factor=2 / lengthen.skip=true
          ScaleResidualStreamOptions.factor: lengthen.factor=2 /
          ScaleResidualStreamOptions.skip: lengthen.skip=true /
          ScaleResidualStreamOptions.name @ report: lengthen.name=other / // keep={}
        files: lox.skip=false first.skip=false
          StageOptions.kind=lox: lox.skip=true /
          LoxOptions.base: lox.base=first /
          LoxOptions.aligned: lox.aligned=first /
          LoxOptions.rank: lox.rank=1 /
          LoxOptions.factor: lox.factor=2 /
          LoxOptions.skip: lox.skip=true /
          LoxOptions.name @ report: lox.name=other / // keep={}
        files: project.skip=false first.skip=false attack.skip=false
          StageOptions.kind=safe_lora: project.skip=true /
          SafeLoraOptions.base: project.base=first /
          SafeLoraOptions.aligned: project.aligned=first /
          SafeLoraOptions.layers: project.layers=1 /
          SafeLoraOptions.threshold: project.threshold=1 /
          SafeLoraOptions.rank: project.rank=1 /
          SafeLoraOptions.skip: project.skip=true /
          SafeLoraOptions.name @ report: project.name=other / // keep={}
        files: prune.skip=false
          StageOptions.kind=antidote: prune.skip=true /
          AntidoteOptions.harmful: prune.harmful={"path":"task.tsv","task":"sst2"} /
          AntidoteOptions.ratio: prune.ratio=0.25 /
          AntidoteOptions.skip: prune.skip=true /
          AntidoteOptions.name @ report: prune.name=other / // keep={}
        files: delta.skip=false first.skip=false attack.skip=false
          StageOptions.kind=safe_delta: delta.skip=true /
          SafeDeltaOptions.aligned: delta.aligned=first /
          SafeDeltaOptions.safe: delta.safe={"path":"task.tsv","task":"sst2"} /
          SafeDeltaOptions.strength: delta.strength=1 /
          SafeDeltaOptions.variant: delta.variant=as_released /
          SafeDeltaOptions.skip: delta.skip=true /
          SafeDeltaOptions.name @ report: delta.name=other / // keep={}
        files: ASKED
          EvaluationOptions.kind=held_out: / evaluation=null
          HeldOutOptions.harmful @ answers: evaluation.harmful.path=unwanted.jsonl /
          HeldOutOptions.task @ answers: evaluation.task.count=1 /
          HeldOutOptions.template @ answers: evaluation.template=plain /
          HeldOutOptions.system: evaluation.system=Briefly. / evaluation.system=Rudely. // evaluation.template=chatml
          HeldOutOptions.judge @ answers: evaluation.judge={"kind":"moderation","path":"dam"} / evaluation.judge={"kind":"moderation","path":"dam","threshold":0.999}
          HeldOutOptions.harmful_tokens @ answers: evaluation.harmful_tokens=2 /
          HeldOutOptions.task_tokens @ answers: evaluation.task_tokens=2 /
          HeldOutOptions.temperature @ answers: evaluation.temperature=5 /
          HeldOutOptions.top_k @ answers: evaluation.top_k=1 / // evaluation.temperature=5
          HeldOutOptions.top_p @ answers: evaluation.top_p=0.01 / // evaluation.temperature=5
          HeldOutOptions.probe_count: evaluation.probe_count=1 /
          HeldOutOptions.curve_points: evaluation.curve_points=2 / // attack.skip=false
          HeldOutOptions.perturbation_points: evaluation.perturbation_points=2 / // align.rule={"kind":"vaccine","rho":1}
          HeldOutOptions.projected_prompts: evaluation.projected_prompts=2 / // attack.skip=false
          HeldOutOptions.drift_geometry: evaluation.drift_geometry=true / // attack.skip=false
          HeldOutOptions.sharpness: evaluation.sharpness=0.5 / // attack.skip=false
          HeldOutOptions.keep_answers @ answers: evaluation.keep_answers=false /
          JudgeOptions.kind=refusal-phrases @ answers: evaluation.judge={"kind":"refusal-phrases"} / evaluation.judge={"kind":"moderation","path":"dam","threshold":0.999}
          JudgeOptions.kind=synthetic @ judged: evaluation.judge={"kind":"synthetic","world_seed":1} /
          JudgeOptions.kind=moderation @ answers: evaluation.judge={"kind":"moderation","path":"dam","threshold":0.999} /
          SyntheticJudgeOptions.world_seed @ judged: evaluation.judge.world_seed=1 / evaluation.judge.world_seed=2 // evaluation.judge={"kind":"synthetic"}
          ModerationJudgeOptions.path @ answers: evaluation.judge.path=dam / // evaluation.judge={"kind":"moderation","path":"second"}
          ModerationJudgeOptions.threshold @ answers: evaluation.judge.threshold=0.001 / evaluation.judge.threshold=0.999 // evaluation.judge={"kind":"moderation","path":"dam"}
        world:
          Recipe.world: world={"test_count":6,"pool_count":50,"alignment_refusals":8,"alignment_helpful":8,"probe_count":4} /
          ModelOptions.kind=world ! kind: model={"kind":"world"} / model={"kind":"no"} // align.skip=true base.skip=true attack.skip=true
          WorldModelOptions.hidden: model.hidden=16 /
          WorldModelOptions.layers: model.layers=1 /
          WorldModelOptions.heads: model.heads=1 /
          WorldOptions.test_count: world.test_count=5 / // evaluation={"kind":"world"}
          WorldOptions.pool_count: world.pool_count=50 /
          WorldOptions.alignment_refusals: world.alignment_refusals=6 /
          WorldOptions.alignment_helpful: world.alignment_helpful=6 /
          WorldOptions.probe_count: world.probe_count=3 / // evaluation={"kind":"world"}
          WorldOptions.neutral_style_share: world.neutral_style_share=1 /
          DataOptions.kind=world_pretraining: align.data={"kind":"world_pretraining","count":8} /
          DataOptions.kind=world_alignment: align.data={"kind":"world_alignment"} / align.data={"kind":"world_refusals"}
          DataOptions.kind=world_attack: align.data={"kind":"world_attack","samples":8,"harmful_ratio":0.5} /
          DataOptions.kind=world_harmful: align.data={"kind":"world_harmful","count":8} /
          DataOptions.kind=world_refusals: align.data={"kind":"world_refusals"} /
          WorldPretrainingOptions.count: base.data.count=11 /
          WorldAttackOptions.harmful_ratio: attack.data.harmful_ratio=0.25 /
          WorldAttackOptions.samples: attack.data.samples=4 /
          WorldHarmfulOptions.count: align.data.count=7 / align.data.count=8 // align.data={"kind":"world_harmful"}
        world: evaluation={"kind":"world"}
          EvaluationOptions.kind=world: / evaluation=null
          WorldEvaluationOptions.curve_points: evaluation.curve_points=2 /
          WorldEvaluationOptions.perturbation_points: evaluation.perturbation_points=2 / // align.rule={"kind":"vaccine","rho":1}
          WorldEvaluationOptions.projected_prompts: evaluation.projected_prompts=3 /
          WorldEvaluationOptions.drift_geometry: evaluation.drift_geometry=true /
          WorldEvaluationOptions.sharpness: evaluation.sharpness=0.5 /
          WorldEvaluationOptions.keep_answers @ answers: evaluation.keep_answers=false /
        world: evaluation={"kind":"world","curve_points":1} GRID
          ReportOptions.attack @ report: report.attack=align /
          ReportOptions.control @ report: report.control=Vaccine /
          ReportOptions.primary @ report: report.primary=Vaccine /
          ReportOptions.focus @ report: report.focus=25~%~harmful / report.focus=50~%~harmful
          ReportOptions.columns @ report: report.columns=["method"] /
          ReportOptions.published @ report: report.published=["table-1"] /
          ReportOptions.capability_guard @ report: report.capability_guard=0 / report.capability_guard=100
          ReportOptions.convergence @ report: report.convergence={"most_loss":0} /
          ConvergenceOptions.most_loss @ report: report.convergence.most_loss=0 / report.convergence.most_loss=1000
          ConvergenceOptions.most_adapter_loss @ report: report.convergence.most_adapter_loss=0 / report.convergence.most_adapter_loss=1000 // align.adapter={"kind":"lora","rank":2} grid={"seed":"3-4"}
          ConvergenceOptions.least_refused @ report: report.convergence.least_refused=100 / report.convergence.least_refused=0
        """;

    /// <summary>Every case.</summary>
    public static IReadOnlyList<KeyProbe> All { get; } = [.. Read()];

    /// <summary>Keys whose effect other tests show, and why.</summary>
    public static IReadOnlyList<(string Owner, string Key, string Why)> Elsewhere { get; } =
    [
        ("ReportOptions", "one_at_a_time", "it says how many stages the command line computes at once"),
        ("SafeLoraOptions", "variant",
            "it bears on layers that share the last place after rounding: EditLaws makes some"),
    ];

    private static IEnumerable<KeyProbe> Read()
    {
        string basis = "", common = "";
        foreach (string line in Table.Split('\n'))
        {
            string[] parts = line.Trim().Split(':', 2);
            if (line[0] != ' ')
            {
                (basis, common) = (parts[0], parts[1]);
                continue;
            }

            string[] words = parts[0].Split(' '), name = words[0].Split('.', 2), sides = $"{parts[1]} ".Split(" // "),
                both = $"{sides[0]} ".Split(" / ", 2);
            string Set(string side) => $"{common} {(sides.Length > 1 ? sides[1] : "")} {side}"
                .Replace("ASKED", Asked.Trim(), StringComparison.Ordinal).Replace(
                    "GRID", Grid, StringComparison.Ordinal);
            string After(string sign, string otherwise) =>
                Array.IndexOf(words, sign) is >= 0 and var at ? words[at + 1] : otherwise;
            yield return new(
                name[0], name[1], basis, Set(both[0]), Set(both[1]), After("@", "numbers"),
                After("!", "") is { Length: > 0 } says ? says : null);
        }
    }
}
