namespace VaccineRef.Reporting.Tests;

/// <summary>Recipes of the shapes that reports have to be able to show, by what they vary.</summary>
internal static class MadeUpRecipes
{
    private const string
        Stages = """
            {"name": "pretrain", "data": {"kind": "world_pretraining"}}, {"name": "align", "data": {"kind": "world_alignment"}}
            """,
        Attack = """, {"name": "attack", "data": {"kind": "world_attack"}, "training": {"epochs": 20}}""",
        Sft = """ "SFT": {"align.rule": {"kind": "plain"}} """,
        Vaccine = """ "Vaccine, rho = 1": {"align.rule": {"kind": "vaccine", "rho": 1}} """,
        Unaligned = """ "Non-Aligned": {"align.skip": true} """,
        Direction = """ "random direction, rho = 1": {"align.rule": {"kind": "random_direction", "rho": 1}} """,
        FineTuned = """
            "EWC": {"attack.objective": {"kind": "ewc", "lambda": 1e9}}, "KL": {"attack.objective": {"kind": "kl", "lambda": 0.3}},
            "VLGuard": {"attack.mixed_in": {"from": "align", "count": 200}}
            """;

    /// <summary>Every shape under its name.</summary>
    public static IReadOnlyDictionary<string, string> All { get; } = new Dictionary<string, string>
    {
        ["demo"] = Recipe("demo", $$"""
            "method": { {{Sft}}, {{Direction}}, {{Vaccine}} }, "attack.data.harmful_ratio": [0, 0.05, 0.1]
            """, "\"table-1\""),
        ["harmful-ratio"] = Recipe("harmful-ratio", $$"""
            "method": { {{Unaligned}}, {{Sft}}, {{FineTuned}}, {{Vaccine}} }, "attack.data.harmful_ratio": [0, 0.02, 0.05, 0.1, 0.2]
            """, "\"table-1\""),
        ["samples"] = Recipe("samples", $$"""
            "method": { {{Unaligned}}, {{Sft}}, {{Vaccine}} }, "attack.data.samples": [200, 400, 600, 800, 1000]
            """, "\"table-2\""),
        ["rho"] = Recipe("rho", """
            "align.rule": [{"kind": "plain"}, {"kind": "vaccine", "rho": 0.1}, {"kind": "vaccine", "rho": 1}, {"kind": "vaccine", "rho": 2},
                {"kind": "vaccine", "rho": 4}]
            """, "\"table-6\", \"table-7\""),
        ["models"] = Recipe("models", $$"""
            "method": { {{Sft}}, {{Vaccine}} }, "model.hidden": [64, 128], "attack.data.harmful_ratio": [0.05, 0.1]
            """, "\"table-8\", \"table-9\", \"table-10\""),
        ["cost"] = Recipe(
            "cost", $$""" "method": { {{Sft}}, {{Vaccine}} }, "model.layers": [4, 8] """, "\"table-5\", \"table-11\"",
            attack: ""),
        ["controls"] = Recipe("controls", $$"""
            "method": { {{Sft}}, {{Vaccine}}, {{Direction}}, "noise": {"align.rule": {"kind": "random", "variance": 0.04} } },
            "attacks": {
                "0 % harmful": {"attack.data.harmful_ratio": 0}, "5 % harmful": {"attack.data.harmful_ratio": 0.05}, "10 % harmful": {},
                "10 % harmful, 3 times the steps": {"attack.training.epochs": 60}
            }
            """),
        ["nothing chosen"] = Recipe(
            "nothing chosen", """ "align.rule.rho": [0.5, 1], "align.adapter": [null, {"kind": "lora"}] """,
            primary: "null")
            .Replace(
                "\"world_alignment\"}", "\"world_alignment\"}, \"rule\": {\"kind\": \"vaccine\", \"rho\": 1}",
                StringComparison.Ordinal),
    };

    /// <summary>One trial without a grid: what a run reports.</summary>
    public static string Run { get; } = $$"""
        { "name": "one run", "model": {"kind": "world"}, "world": {}, "evaluation": {"kind": "world"}, "stages": [ {{Stages}}{{Attack}} ] }
        """;

    /// <summary>A recipe with a grid.</summary>
    public static string Recipe(string name, string grid, string published = "", string primary = "\"Vaccine, rho = 1\"", string attack = Attack) => $$"""
        {
          "name": "{{name}}", "title": "What a grid called {{name}} shows", "model": {"kind": "world"}, "world": {},
          "evaluation": {"kind": "world"}, "stages": [ {{Stages}}{{attack}} ], "grid": { {{grid}} },
          "report": {
            "control": {{(primary == "null" ? "null" : "\"SFT\"")}}, "primary": {{primary}}, "published": [ {{published}} ],
            "convergence": {"most_loss": 0.05, "most_adapter_loss": 0.15, "least_refused": 95}
          }
        }
        """;
}
