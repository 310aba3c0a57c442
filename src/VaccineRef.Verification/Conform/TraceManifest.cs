namespace VaccineRef.Verification.Conform;

/// <summary>What a port says about its trace: manifest.json. All but schema, case and dtype may be absent.</summary>
/// <param name="Schema">"vaccine-trace/1".</param>
/// <param name="Case">The case's name.</param>
/// <param name="Dtype">"float64", "float32", "bfloat16" or "float16": what the port computed in.</param>
public sealed record TraceManifest(string Schema, string Case, string Dtype)
{
    /// <summary>What the schema key of a trace says.</summary>
    public const string CurrentSchema = "vaccine-trace/1";

    /// <summary>Who made the trace.</summary>
    public ImplementationName? Implementation { get; init; }

    /// <summary>The case's digest, as kit.json has it; where it is there, it must be the same.</summary>
    public string? CaseSha256 { get; init; }

    /// <summary>"vaccine", "adaptive_vaccine", "sam", "random" or "plain".</summary>
    public string? Method { get; init; }

    /// <summary>The radius that the port used.</summary>
    public double? Rho { get; init; }

    /// <summary>Over what the norm ran: "batch", "sample", "layer", ...</summary>
    public string? Norm { get; init; }

    /// <summary>What the port adds to the norm.</summary>
    public double? Guard { get; init; }

    /// <summary>The dropout rate that was on.</summary>
    public double? Dropout { get; init; }

    /// <summary>How token losses become one: "mean", "sum", ...</summary>
    public string? Reduction { get; init; }

    /// <summary>
    /// What the loss was multiplied with before the first backward; recorded site gradients are of that product.
    /// </summary>
    public double? LossScale { get; init; }

    /// <summary>
    /// The modules behind site0, site1, ..., by their Hugging Face names, e.g. "model.layers.0.self_attn"; absent: the
    /// attention blocks in order.
    /// </summary>
    public IReadOnlyList<string>? Sites { get; init; }

    /// <summary>The scalars of each step, from step 1 on.</summary>
    public IReadOnlyList<TraceStep>? Steps { get; init; }
}

/// <summary>The implementation that was traced.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Version">Its version.</param>
public sealed record ImplementationName(string Name, string? Version = null);

/// <summary>
/// The scalars of one step. A key is "p1" or "p2" for losses, "site_gradient", "perturbation" or "gradient" for norms;
/// where a step has several parts, the part goes before it: "m0/p1", "r1/site_gradient".
/// A number that is not finite is null (or NaN, as Python writes it).
/// </summary>
/// <param name="Step">The step, from 1.</param>
public sealed record TraceStep(int Step)
{
    /// <summary>Forward passes of the step, over each part.</summary>
    public int? Passes { get; init; }

    /// <summary>The losses.</summary>
    public IReadOnlyDictionary<string, double?>? Losses { get; init; }

    /// <summary>The norms: of the site gradients, of the perturbation, of the whole gradient before clipping.</summary>
    public IReadOnlyDictionary<string, double?>? Norms { get; init; }
}
