namespace VaccineRef.Reporting.Tests;

/// <summary>
/// The recipes in which keys are changed: one on a model folder and files, and one of the synthetic world. Most stages
/// are skipped until a case wants them.
/// </summary>
internal static class KeyRecipes
{
    private const string Lora = """{ "kind": "lora", "rank": 2, "alpha": 4, "dropout": 0 }""";

    private const string Training = """{ "max_steps": 3, "batch_size": 2, "learning_rate": 1e-2, "weight_decay": 0, "schedule": "constant", "warmup_ratio": 0 }""";

    private const string Files = $$"""
        {
          "name": "tiny", "model": { "kind": "folder", "path": "model" }, "seed": 7, "template": "none", "max_length": 128,
          "stages": [
            { "name": "first", "skip": true, "data": { "path": "task.tsv", "task": "sst2" }, "training": {{Training}} },
            { "name": "align", "data": { "path": "safe.json", "task": "refusals" }, "adapter": {{Lora}}, "training": {{Training}} },
            { "kind": "scale_residual_stream", "name": "lengthen", "skip": true, "factor": 1.1 },
            { "kind": "lox", "name": "lox", "skip": true, "base": "model", "aligned": "align" },
            {
              "name": "attack", "skip": true, "adapter": {{Lora}}, "training": {{Training}},
              "data": {
                "kind": "mixture", "harmful": { "path": "unwanted.jsonl", "task": "beavertails" }, "benign": { "path": "task.tsv", "task": "sst2" },
                "harmful_ratio": 0.5, "samples": 4
              }
            },
            { "kind": "safe_lora", "name": "project", "skip": true, "base": "model", "aligned": "align", "layers": 4 },
            { "kind": "antidote", "name": "prune", "skip": true, "harmful": { "path": "unwanted.jsonl", "task": "beavertails" }, "ratio": 0.5 },
            { "kind": "safe_delta", "name": "delta", "skip": true, "aligned": "align", "safe": { "path": "safe.json", "task": "refusals" } }
          ],
          "keep": { "stages": ["first", "align", "lengthen", "lox", "attack", "project", "prune", "delta"], "seeds": 0 }
        }
        """;

    private const string World = $$"""
        {
          "name": "tiny", "model": { "kind": "world", "hidden": 8, "layers": 2, "heads": 2 }, "seed": 3,
          "world": { "test_count": 6, "pool_count": 40, "alignment_refusals": 8, "alignment_helpful": 8, "probe_count": 4 },
          "stages": [
            { "name": "base", "data": { "kind": "world_pretraining", "count": 12 }, "training": {{Training}} },
            { "name": "align", "data": { "kind": "world_alignment" }, "training": {{Training}} },
            { "name": "attack", "data": { "kind": "world_attack", "harmful_ratio": 0.5, "samples": 8 }, "adapter": {{Lora}}, "training": {{Training}} }
          ],
          "keep": { "stages": ["base", "align", "attack"], "seeds": 0 }
        }
        """;

    /// <summary>A recipe by its name, and what is set in it: "files" or "world" and assignments.</summary>
    public static string Of(string basis) => basis == "files" ? Files : World;
}
