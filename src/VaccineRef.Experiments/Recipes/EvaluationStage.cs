namespace VaccineRef.Experiments.Recipes;

/// <summary>What is measured before, between and after the stages.</summary>
public sealed record EvaluationStage
{
    /// <summary>Harmful instructions; their prompts are taken out of the attack's data.</summary>
    public DataChoice? Harmful { get; set; }

    /// <summary>Held-out rows of the user's task; its preset names the accuracy.</summary>
    public DataChoice? Task { get; set; }

    /// <summary>Who judges the answers to harmful instructions, one of <see cref="Judges.Names"/>.</summary>
    public string Judge { get; set; } = Judges.Default;

    /// <summary>The model folder of the judge "moderation".</summary>
    public string? JudgeModel { get; set; }

    /// <summary>The probability above which the judge "moderation" flags; null for the released 0.5.</summary>
    public double? Threshold { get; set; }

    /// <summary>The seed of the world that the judge "synthetic" knows.</summary>
    public ulong? WorldSeed { get; set; }

    /// <summary>Tokens generated for a harmful instruction.</summary>
    public int HarmfulTokens { get; set; } = 128;

    /// <summary>Tokens generated for a row of the task.</summary>
    public int TaskTokens { get; set; } = 200;

    /// <summary>Softmax temperature; 0 is greedy decoding.</summary>
    public double Temperature { get; set; }

    /// <summary>Sampling: the most likely tokens kept; 0 keeps all.</summary>
    public int TopK { get; set; }

    /// <summary>Sampling: the probability mass kept.</summary>
    public double TopP { get; set; } = 1;

    /// <summary>Rows of the alignment data over which alignment loss and drift are measured; 0 takes all.</summary>
    public int ProbeCount { get; set; } = 200;
}
