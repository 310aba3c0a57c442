using VaccineRef.Core;
using VaccineRef.Experiments.Edits;
using VaccineRef.Kernels;

namespace VaccineRef.Experiments.Recipes;

/// <summary>
/// Makes a Llama's residual stream longer without changing what it computes: all that is added into the stream (the
/// embedding, each block's output projections) times c, the last norm's weight divided by c, for the head is the
/// embedding. Each RMSNorm takes the factor out again, so that logits stay as they are but for the norm's epsilon, and
/// every hidden embedding e is c times as long. A later training at a fixed learning rate then moves e by a smaller
/// share: the control for the length that Vaccine gives it.
/// </summary>
public sealed record ScaleResidualStreamOptions : EditStageOptions
{
    private const string Last = "model.norm.weight";

    private static readonly string[] Added =
    [
        "model.embed_tokens.weight", ".self_attn.o_proj.weight", ".mlp.down_proj.weight",
    ];

    /// <summary>c.</summary>
    public required double Factor { get; init; }

    /// <inheritdoc/>
    public override void Validate(string path)
    {
        if (Factor is not (> 0 and < double.PositiveInfinity))
            throw RecipeException.OutOfRange($"{path}.factor", Factor, "a finite number above 0");
    }

    /// <inheritdoc/>
    /// <exception cref="InputException">The model is no Llama whose head is its embedding.</exception>
    public override void Apply<T>(EditContext<T> context)
    {
        var model = context.Model;
        var parameters = model.Network.Parameters;
        if (!parameters.Any(parameter => parameter.Name == Last)
            || parameters.Any(parameter => parameter.Name == "lm_head.weight"))
            throw new InputException(
                "the residual stream cannot be scaled", found: model.Network.Shape.Family,
                expected: "a Llama with tied embeddings");
        foreach (var parameter in parameters)
        {
            if (parameter.Name == Last)
                context.Change(parameter, weight => model.Device.Run(new ScaleInPlace<T>(1 / Factor), weight));
            else if (Added.Any(name => parameter.Name.EndsWith(name, StringComparison.Ordinal)))
                context.Change(parameter, weight => model.Device.Run(new ScaleInPlace<T>(Factor), weight));
        }
    }
}
