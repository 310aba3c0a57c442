namespace VaccineRef.Cli.Tests;

/// <summary>Two command lines that differ in one option.</summary>
/// <param name="Command">The command.</param>
/// <param name="Option">The option.</param>
/// <param name="Common">The words of both.</param>
/// <param name="With">The words of one of them.</param>
/// <param name="Without">The words of the other.</param>
/// <param name="Look">A part of the names of the files that are looked at; everything where it is empty.</param>
internal sealed record OptionProbe(
    string Command, string Option, string Common, string With, string Without, string Look);

/// <summary>The probes of every option of every command.</summary>
internal static class OptionProbes
{
    // the demo, in a few steps
    private const string Small =
        "--set grid={\"seed\":\"10-11\"} --set report={\"convergence\":null} --set base.training.max_steps=3 --set align.training.max_steps=2 "
        + "--set attack.training.max_steps=4 --set base.data.count=16 --set attack.data.samples=20 "
        + "--set world={\"test_count\":4,\"pool_count\":500,\"alignment_refusals\":8,\"alignment_helpful\":8,\"probe_count\":2}";

    // command: words of both; then option [@ files that are looked at]: words of one / of the other [// words of both
    // in the place of those above]
    private const string Table = """
        evaluate: @model --data @asked.jsonl --task beavertails --max-new-tokens 8 --threads 1 --template none --save-answers answers.jsonl --json found.json
          --stage: --stage model / --stage aligned // @run --threads 1 --json found.json
          --trial: --trial 1 / --trial 2 // @grid --cache @cache --stage aligned --threads 1 --json found.json
          --cache: --cache @cache / // @grid --trial 1 --stage aligned --threads 1
          --cache: --cache @cache / // @run --stage aligned --threads 1
          --adapter @ answers: --adapter @run/alignment/adapter /
          --strip-prefix: --strip-prefix module. / // @prefixed --data @asked.jsonl --task beavertails --max-new-tokens 1 --threads 1
          --precision @ answers: --precision double / // @huge --data @asked.jsonl --task beavertails --max-new-tokens 8 --threads 1 --template none --save-answers answers.jsonl
          --weights @ answers: --weights bf16 / // @edge --data @asked.jsonl --task beavertails --max-new-tokens 8 --threads 1 --template none --save-answers answers.jsonl
          --template @ answers: --template alpaca-vaccine / --template chatml // @model --data @asked.jsonl --task beavertails --max-new-tokens 8 --threads 1 --save-answers answers.jsonl
          --system @ answers: --system Briefly. / // @wild --data @asked.jsonl --task beavertails --max-new-tokens 8 --threads 1 --template chatml --save-answers answers.jsonl
          --data: --data @asked.jsonl / --data @unwanted.jsonl // @model --task beavertails --max-new-tokens 1 --threads 1 --json found.json
          --task: --task beavertails / // @model --data @asked.jsonl --max-new-tokens 1 --threads 1 --json found.json
          --count: --count 1 /
          --max-new-tokens @ answers: --max-new-tokens 2 / --max-new-tokens 8 // @model --data @asked.jsonl --task beavertails --threads 1 --template none --save-answers answers.jsonl
          --save-answers: --save-answers answers.jsonl / // @model --data @asked.jsonl --task beavertails --max-new-tokens 1 --threads 1
          --json: --json found.json / // @model --data @asked.jsonl --task beavertails --max-new-tokens 1 --threads 1
          --judge: --judge nobody /
          --judge-model: --judge-model @dam / // @model --data @asked.jsonl --task beavertails --max-new-tokens 1 --threads 1 --judge moderation
          --threshold @ answers: --threshold 0.0001 / --threshold 0.9999 // @model --data @asked.jsonl --task beavertails --max-new-tokens 2 --threads 1 --judge moderation --judge-model @dam --save-answers answers.jsonl
          --world-seed: --world-seed 1 / --world-seed 2 // @model --data @world.jsonl --task beavertails --max-new-tokens 1 --threads 1 --judge synthetic --json found.json
          --device: --device nowhere /
          --matmul: --matmul tf32 /
        generate: @model --prompt Where? --max-new-tokens 8 --template none --threads 1
          --stage: --stage model / --stage aligned // @run --prompt Where? --max-new-tokens 20 --template none --threads 1
          --trial: --trial 1 / --trial 2 // @grid --cache @cache --stage aligned --prompt Where? --max-new-tokens 20 --template none --threads 1
          --cache: --cache @cache / // @grid --trial 1 --stage aligned --prompt Where? --max-new-tokens 1 --threads 1
          --cache: --cache @cache / // @run --stage aligned --prompt Where? --max-new-tokens 1 --threads 1
          --adapter: --adapter @run/alignment/adapter /
          --strip-prefix: --strip-prefix module. / // @prefixed --prompt Where? --max-new-tokens 1 --threads 1
          --precision: --precision double / // @huge --prompt Where? --max-new-tokens 8 --template none --threads 1
          --weights: --weights bf16 / // @edge --prompt Where? --max-new-tokens 8 --template none --threads 1
          --template: --template chatml /  --template none // @model --prompt Where? --max-new-tokens 8 --threads 1
          --system: --system Briefly. / // @wild --prompt Where? --max-new-tokens 8 --template chatml --threads 1
          --prompt: --prompt Where? / --prompt When? // @model --max-new-tokens 8 --template none --threads 1
          --file: --file @asked.jsonl / --file @unwanted.jsonl // @model --task beavertails --max-new-tokens 2 --threads 1 --output o.jsonl
          --task: --task beavertails / // @model --file @asked.jsonl --max-new-tokens 2 --threads 1 --output o.jsonl --field prompt=response
          --count: --count 1 / // @model --file @asked.jsonl --task beavertails --max-new-tokens 2 --threads 1 --output o.jsonl
          --output: --output o.jsonl / --output p.jsonl // @model --file @asked.jsonl --task beavertails --max-new-tokens 2 --threads 1
          --max-new-tokens: --max-new-tokens 3 / --max-new-tokens 8 // @model --prompt Where? --template none --threads 1
          --temperature: --temperature 5 /
          --top-k: --top-k 1 / // @model --prompt Where? --max-new-tokens 8 --template none --threads 1 --temperature 5 --seed 1
          --top-p: --top-p 0.001 / // @model --prompt Where? --max-new-tokens 8 --template none --threads 1 --temperature 5 --seed 1
          --seed: --seed 1 / --seed 2 // @model --prompt Where? --max-new-tokens 8 --template none --threads 1 --temperature 5
          --device: --device nowhere /
          --matmul: --matmul tf32 /
        chat: @model --max-new-tokens 8 --template none --threads 1
          --stage: --stage model / --stage aligned // @run --max-new-tokens 20 --template none --threads 1
          --trial: --trial 1 / --trial 2 // @grid --cache @cache --stage aligned --max-new-tokens 20 --template none --threads 1
          --cache: --cache @cache / // @grid --trial 1 --stage aligned --max-new-tokens 1 --threads 1
          --cache: --cache @cache / // @run --stage aligned --max-new-tokens 1 --threads 1
          --adapter: --adapter @run/alignment/adapter /
          --strip-prefix: --strip-prefix module. / // @prefixed --max-new-tokens 1 --threads 1
          --precision: --precision double / // @huge --max-new-tokens 8 --template none --threads 1
          --weights: --weights bf16 / // @edge --max-new-tokens 8 --template none --threads 1
          --template: --template chatml /  --template none // @model --max-new-tokens 8 --threads 1
          --system: --system Briefly. / // @wild --max-new-tokens 8 --template chatml --threads 1
          --max-new-tokens: --max-new-tokens 3 / --max-new-tokens 8 // @model --template none --threads 1
          --temperature: --temperature 5 /
          --top-k: --top-k 1 / // @model --max-new-tokens 8 --template none --threads 1 --temperature 5 --seed 1
          --top-p: --top-p 0.001 / // @model --max-new-tokens 8 --template none --threads 1 --temperature 5 --seed 1
          --seed: --seed 1 / --seed 2 // @model --max-new-tokens 8 --template none --threads 1 --temperature 5
          --device: --device nowhere /
          --matmul: --matmul tf32 /
        export: @model --to made --threads 1
          --to: --to one / --to two // @model --threads 1
          --format: --format gguf /
          --dtype @ model.safetensors: --dtype bf16 /
          --dtype @ made.gguf: --dtype bf16 / // @model --to made.gguf --format gguf --threads 1
          --stage @ model.safetensors: --stage model / --stage aligned // @run --to made --threads 1
          --trial @ model.safetensors: --trial 1 / --trial 2 // @grid --cache @cache --stage aligned --to made --threads 1
          --cache: --cache @cache / // @grid --trial 1 --stage aligned --to made --threads 1
          --cache: --cache @cache / // @run --stage aligned --to made --threads 1
          --adapter @ model.safetensors: --adapter @run/alignment/adapter /
          --strip-prefix: --strip-prefix module. / // @prefixed --to made --threads 1
          --precision @ model.safetensors: --precision double / // @model --adapter @run/alignment/adapter --to made --threads 1
          --weights @ model.safetensors: --weights bf16 /
          --device: --device nowhere /
          --matmul: --matmul tf32 /
        judge: --on @unwanted.jsonl --threads 1
          --on: --on @unwanted.jsonl / --on @asked.jsonl // --threads 1
          --judge: --judge nobody /
          --judge-model: --judge-model @dam / // --on @asked.jsonl --threads 1 --judge moderation
          --threshold: --threshold 0.0001 / --threshold 0.9999 // --on @asked.jsonl --threads 1 --judge moderation --judge-model @dam
          --world-seed: --world-seed 1 / --world-seed 2 // --on @world.jsonl --threads 1 --judge synthetic
          --device: --device nowhere /
          --matmul: --matmul tf32 /
        compare: @run @run
          --each: --each /
          --markdown: --markdown table.md /
        init: --model @model --data @safe.json --task refusals
          --model: --model @model / // --data @safe.json --task refusals
          --preset: --preset rho / --preset demo //
          --out: --out mine.json /
          --data: --data @safe.json / // --model @model --task refusals
          --task: --task refusals / --task alpaca // --model @model --data @safe.json
        schema:
          --out: --out . /
        plan: @recipe.json --no-time --threads 1
          --no-time: --no-time / // @recipe.json --threads 1
          --json: --json /
          --seeds: --seeds 2 /
          --set: --set seed=3 --set attack.training.max_steps=1 /
          --quick: --quick / // @tasks --seeds 5,6 --no-time --threads 1
          --device: --device nowhere /
          --matmul: --matmul nothing /
        run: @recipe.json --out made --threads 1
          --seeds: --seeds 2 / // @recipe.json --out made --threads 1 --cache c
          --quick: --quick / // @tasks --seeds 5,6 --out made --cache @labcache --threads 1
          --out: --out one / --out two // @recipe.json --threads 1
          --set: --set seed=3 /
          --cache: --cache one / --cache two // @recipe.json --seeds 2 --out made --threads 1
          --tensorboard: --tensorboard /
          --resume: --resume / // @recipe.json --out @run --threads 1
          --device: --device nowhere /
          --threads: --threads 1 / --threads 2 // @recipe.json --out made
          --matmul: --matmul tf32 /
        lab: --recipe @tasks --out made --cache @labcache --threads 1
          --preset: --preset nothing / // --out made
          --recipe: --recipe @tasks / --recipe nothing // --out made --cache @labcache --threads 1
          --seeds: --seeds 5,6 /
          --quick: --quick / // --recipe @tasks --seeds 5,6 --out made --cache @labcache --threads 1
          --out: --out one / --out two // --recipe @tasks --cache @labcache --threads 1
          --set: --set seed=3 --set attack.training.max_steps=1 /
          --cache: --cache one / // --recipe @tasks --out made --threads 1
          --tensorboard: --tensorboard /
          --resume: --resume / // --recipe @recipe.json --out @run --threads 1
          --device: --device nowhere /
          --threads: --threads 1 / --threads 2 // --recipe @tasks --out made --cache @labcache
          --matmul: --matmul tf32 /
        lab plan: @tasks --no-time --threads 1
          --no-time: --no-time / // @tasks --threads 1
          --out: --out other.json /
          --seeds: --seeds 5,6 /
          --set: --set attack.training.max_steps=1 /
          --quick: --quick / // @tasks --seeds 5,6 --no-time --threads 1
          --device: --device nowhere /
          --matmul: --matmul tf32 /
        lab work: @plan --level 0 --cache made --threads 1
          --slice: --slice 1/2 /
          --level: --level 0 / --level 2 // @plan --cache @labcache --threads 1
          --cache: --cache one / --cache two // @plan --level 0 --threads 1
          --device: --device nowhere /
          --matmul: --matmul tf32 /
        lab report: @plan --cache @labcache --threads 1
          --out: --out other /
          --cache: --cache nothing / // @plan --threads 1
          --tensorboard: --tensorboard /
          --device: --device nowhere /
          --matmul: --matmul tf32 /
        lab slurm: @tasks --chunk 1 --dry-run
          --chunk: --chunk 2 / --chunk 1 // @tasks --dry-run
          --dry-run: --dry-run / // @tasks --chunk 1 --out made
          --out: --out other /
          --cache: --cache other /
          --seeds: --seeds 5,6 /
          --set: --set attack.training.max_steps=1 --set grid.seed=[5,6,7] /
          --quick: --quick / // @tasks --seeds 5,6 --chunk 1 --dry-run
          --partition: --partition long /
          --time: --time 30 /
          --gpus: --gpus 1 /
          --mem: --mem 8G /
          --device: --device nowhere /
          --threads: --threads 3 /
          --matmul: --matmul tf32 /
        verify: --golden @golden/llama_mha --threads 1
          --golden: --golden @golden/llama_mha / --golden @golden/gpt2 // --threads 1
          --precision: --precision float /
          --json: --json found.json /
          --device: --device nowhere /
          --matmul: --matmul tf32 /
        conform check: @trace
          --kit: --kit nothing / --kit elsewhere
        conform run: --port true --kit @kit --cases gpt2
          --port: --port "exit 3" / --port true // --kit @kit --cases gpt2
          --kit: --kit nothing / --kit @kit // --port true --cases gpt2
          --cases: --cases gpt2 / --cases opt // --port true --kit @kit
          --timeout: --timeout 1 / // --port "sleep 2" --kit @kit --cases gpt2
          --known-failures: --known-failures nothing /
          --junit: --junit found.xml /
          --json: --json found.json /
        demo: --out made --cache @democache --threads 2 SMALL
          --quick: --quick /
          --seeds: --seeds 11,10 /
          --out: --out one / --out two // --cache @democache --threads 2 SMALL
          --set: --set name=other /
          --cache: --cache /dev/null/none / --cache @democache // --out made --threads 2 SMALL
          --tensorboard: --tensorboard /
          --device: --device nowhere /
          --threads: --threads 1 / --threads 2 // --out made --cache @democache SMALL
          --matmul: --matmul tf32 /
        laws: --op Relu --seed 1 --max-test 1 --threads 1
          --op: --op Relu / --op Scale // --seed 1 --max-test 1 --threads 1
          --rule: --rule plain / --rule sam // --seed 1 --max-test 1 --threads 1
          --port: --port "exit 3" / // --op Relu --seed 1 --max-test 1 --threads 1
          --timeout: --timeout 3 /
          --max-test: --max-test 2 /  --max-test 1 // --op Relu --seed 1 --threads 1
          --device: --device nowhere /
        bench: --vocab 32 --hidden 8 --layers 1 --heads 2 --ffn 12 --batch 2 --length 6 --threads 1 --steps 1 --json
          --vocab: --vocab 40 / --vocab 32 // --hidden 8 --layers 1 --heads 2 --ffn 12 --batch 2 --length 6 --threads 1 --steps 1 --json
          --hidden: --hidden 16 / --hidden 8 // --vocab 32 --layers 1 --heads 2 --ffn 12 --batch 2 --length 6 --threads 1 --steps 1 --json
          --layers: --layers 2 / --layers 1 // --vocab 32 --hidden 8 --heads 2 --ffn 12 --batch 2 --length 6 --threads 1 --steps 1 --json
          --heads: --heads 4 / --heads 2 // --vocab 32 --hidden 8 --layers 1 --kv-heads 1 --ffn 12 --batch 2 --length 6 --threads 1 --steps 1 --json
          --kv-heads: --kv-heads 1 /
          --ffn: --ffn 16 / --ffn 12 // --vocab 32 --hidden 8 --layers 1 --heads 2 --batch 2 --length 6 --threads 1 --steps 1 --json
          --batch: --batch 3 / --batch 2 // --vocab 32 --hidden 8 --layers 1 --heads 2 --ffn 12 --length 6 --threads 1 --steps 1 --json
          --length: --length 8 / --length 6 // --vocab 32 --hidden 8 --layers 1 --heads 2 --ffn 12 --batch 2 --threads 1 --steps 1 --json
          --lora: --lora 2 /
          --weights: --weights bf16 /
          --steps: --steps 2 / --steps 1 // --vocab 32 --hidden 8 --layers 1 --heads 2 --ffn 12 --batch 2 --length 6 --threads 1 --json
          --generate: --generate 2 /
          --prompts: --prompts 3 / --prompts 2 // --vocab 32 --hidden 8 --layers 1 --heads 2 --ffn 12 --generate 2 --threads 1 --steps 1 --json
          --model: --model @model / --model nothing // --generate 2 --threads 1 --steps 1 --json
          --json: --json / --json found.json // --vocab 32 --hidden 8 --layers 1 --heads 2 --ffn 12 --generate 2 --threads 1 --steps 1
          --device: --device nowhere /
          --threads: --threads 2 / --threads 1 // --vocab 32 --hidden 8 --layers 1 --heads 2 --ffn 12 --batch 2 --length 6 --steps 1 --json
          --matmul: --matmul tf32 /
        """;

    /// <summary>The demo in a few steps: what its probes find in the cache.</summary>
    public static IEnumerable<string> Demo => ["demo", "--threads", "2", .. Small.Split(' ')];

    /// <summary>Every probe.</summary>
    public static IReadOnlyList<OptionProbe> All { get; } = [.. Read()];

    /// <summary>
    /// Options whose effect is shown by other tests, or which change nothing that can be seen from here, and why.
    /// </summary>
    public static IReadOnlyList<(string Command, string Option, string Why)> Elsewhere { get; } =
    [
        .. from command in (string[])["evaluate", "generate", "judge", "init"]
           from option in (string[])["--field", "--format", "--rows"]
           select (command, option, "DataOptionTests counts the rows"),
        .. from command in (string[])["evaluate", "generate", "chat", "export", "judge", "plan", "lab plan", "lab work",
            "lab report", "verify", "laws"]
           select (command, "--threads",
               "results are the same bits for any number of threads, and these commands do not name it"),
        .. from option in (string[])["--mpi", "--reduce"]
           select ("run", option, "they are for several ranks: MpiTests"),
        ("demo", "--resume", "it is for the folder of one run, and the demo is a grid; lab's probe shows it"),
        ("judge", "--weights", "it changes numbers of a large model; ModerationJudgeTests loads one in each form"),
        ("laws", "--seed", "a failing law names it: LawsTests"),
        ("lab slurm", "--wait", "SlurmTests follows the jobs"),
        ("bench", "--recompute",
            "it changes time and memory alone; the reverse pass through recomputed blocks has laws"),
        .. from option in (string[])["--known-failures", "--junit", "--json"]
           select ("conform check", option,
               "the object that reads them is that of conform run, whose probes show it; judging takes seconds"),
        ("conform run", "--traces", "only a port that answers writes there: ConformTests"),
    ];

    private static IEnumerable<OptionProbe> Read()
    {
        string command = "", common = "";
        foreach (string line in Table.Split('\n'))
        {
            string[] parts = line.Trim().Split(':', 2);
            if (line[0] != ' ')
            {
                (command, common) = (parts[0], parts[1].Trim());
                continue;
            }

            string[] sides = $"{parts[1]} ".Split(" // "), both = $"{sides[0]} ".Split(" / ", 2),
                name = parts[0].Split(" @ ");
            yield return new(
                command, name[0], (sides.Length > 1 ? sides[1] : common).Trim()
                    .Replace("SMALL", Small, StringComparison.Ordinal), both[0].Trim(), both[1].Trim(),
                name.Length > 1 ? name[1] : "");
        }
    }
}
