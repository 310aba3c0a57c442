using VaccineRef.Core;
using VaccineRef.Kernels;
using VaccineRef.Models;
using VaccineRef.Training;

/// <summary>The next token from this one: logits = head softplus(inner embedding[token]).</summary>
internal sealed class Mlp : IObjective<float>
{
    private readonly Parameter<float> _embedding, _inner, _head;

    public Mlp(Arena weights, Device device, int vocabulary, int width)
    {
        Parameter<float> Drawn(string name, int rows)
        {
            var values = weights.Allocate<float>(new Shape(rows, width));
            device.Run(new FillNormal<float>(RandomStream.FromSeed(1).At(name), 0.3), values);
            return new(name, values, [rows, width]);
        }

        (_embedding, _inner, _head) =
            (Drawn("embedding", vocabulary), Drawn("inner", width), Drawn("head", vocabulary));
    }

    public string Name => "mlp";

    public IReadOnlyList<Parameter<float>> Parameters => [_embedding, _inner, _head];

    public Tensor<float> Loss(Pass<float> pass, PackedBatch batch)
    {
        var tape = pass.Tape;
        var x = tape.Apply(new Embedding<float>(), [tape.Of(_embedding)], batch.Tokens);
        var hidden = tape.Apply(new Softplus<float>(), [tape.Apply(new Linear<float>(), [x, tape.Of(_inner)])]);
        hidden = pass.Show(new Site(0, SiteKind.MlpOutput), hidden);
        return tape.Apply(new CrossEntropy<float>(), [hidden, tape.Of(_head)], batch.Targets);
    }
}
