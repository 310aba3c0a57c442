using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Experiments.Lab;

/// <summary>
/// Makes a Llama's residual stream longer without changing what it computes: all that is added into the stream (the embedding, each
/// block's output projections) times c, the last norm's weight divided by c, for the head is the embedding. Each RMSNorm takes the
/// factor out again, so that logits stay as they are but for the norm's epsilon, and every hidden embedding e is c times as long. A
/// later training at a fixed learning rate then moves e by a smaller share: the control for the length that Vaccine gives it.
/// </summary>
public static class ResidualStream
{
    private const string Last = "model.norm.weight";

    private static readonly string[] Added = ["model.embed_tokens.weight", ".self_attn.o_proj.weight", ".mlp.down_proj.weight"];

    /// <summary>Multiplies the stream by a factor.</summary>
    /// <exception cref="InputException">The model is no Llama whose head is its embedding.</exception>
    public static void Scale(Model<float> model, double factor)
    {
        var parameters = model.Network.Parameters;
        if (!parameters.Any(parameter => parameter.Name == Last) || parameters.Any(parameter => parameter.Name == "lm_head.weight"))
            throw new InputException("the residual stream cannot be scaled", found: model.Network.Shape.Family, expected: "a Llama with tied embeddings");
        foreach (var parameter in parameters)
        {
            bool added = Added.Any(name => parameter.Name.EndsWith(name, StringComparison.Ordinal));
            if (!added && parameter.Name != Last)
                continue;
            var values = new float[parameter.Value.Shape.Count];
            model.Device.Download(parameter.Value, values.AsSpan());
            for (int i = 0; i < values.Length; i++)
                values[i] = (float)(values[i] * (added ? factor : 1 / factor));
            model.Device.Upload<float>(values, parameter.Value);
        }
    }
}
