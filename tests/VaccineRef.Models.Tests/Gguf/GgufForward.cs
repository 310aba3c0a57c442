namespace VaccineRef.Models.Tests.Gguf;

/// <summary>
/// A transformer from a GGUF file alone, as llama.cpp computes it, in plain loops: "llama" turns neighbouring columns
/// of a head, "qwen2" columns half a head apart.
/// </summary>
internal sealed class GgufForward(GgufReader file)
{
    private readonly string _arch = (string)file.Settings["general.architecture"];

    public double[][] Logits(int[] tokens)
    {
        double[] table = Values("token_embd.weight");
        int width = Int("embedding_length");
        double[][] x = [.. tokens.Select(id => table[(id * width)..((id + 1) * width)])];
        for (int layer = 0; layer < Int("block_count"); layer++)
        {
            string at = $"blk.{layer}.";
            double[][] attended = Attention(at, [.. x.Select(row => Norm(row, at + "attn_norm"))]);
            x = [.. x.Zip(attended, Add)];
            x = [.. x.Select(row => Add(row, Mlp(at, Norm(row, at + "ffn_norm"))))];
        }
        string head = file.Tensors.ContainsKey("output.weight") ? "output" : "token_embd";
        return [.. x.Select(row => Linear(head, Norm(row, "output_norm")))];
    }

    private int Int(string key) => file.Int($"{_arch}.{key}");

    private double[] Values(string name) => file.Tensors[name].Values;

    private static double[] Add(double[] a, double[] b) => [.. a.Zip(b, (p, q) => p + q)];

    private double[] Norm(double[] x, string name)
    {
        double scale = 1 / Math.Sqrt(x.Average(v => v * v) + file.Float($"{_arch}.attention.layer_norm_rms_epsilon"));
        return [.. x.Zip(Values(name + ".weight"), (v, w) => v * scale * w)];
    }

    private double[] Linear(string name, double[] x)
    {
        var weight = file.Tensors[name + ".weight"];
        Assert.Equal(x.Length, weight.Extents[0]);
        double[] y = [.. Enumerable.Range(0, (int)weight.Extents[1])
            .Select(row => x.Select((v, i) => v * weight.Values[(row * x.Length) + i]).Sum())];
        return file.Tensors.ContainsKey(name + ".bias") ? Add(y, Values(name + ".bias")) : y;
    }

    private double[] Mlp(string at, double[] x)
    {
        double[] gate = Linear(at + "ffn_gate", x), up = Linear(at + "ffn_up", x);
        return Linear(at + "ffn_down", [.. gate.Zip(up, (g, u) => g / (1 + Math.Exp(-g)) * u)]);
    }

    private double[][] Attention(string at, double[][] x)
    {
        int heads = Int("attention.head_count"), groups = Int("attention.head_count_kv"),
            size = Int("attention.key_length");
        double[][] q = [.. x.Select((row, p) => Turn(Linear(at + "attn_q", row), p, size))];
        double[][] k = [.. x.Select((row, p) => Turn(Linear(at + "attn_k", row), p, size))];
        double[][] v = [.. x.Select(row => Linear(at + "attn_v", row))];
        return [.. Enumerable.Range(0, x.Length).Select(p =>
        {
            double[] mixed = new double[heads * size];
            for (int h = 0; h < heads; h++)
            {
                int from = h / (heads / groups) * size;
                double[] weights = [.. Enumerable.Range(0, p + 1).Select(s => Math.Exp(Enumerable.Range(0, size)
                    .Sum(i => q[p][(h * size) + i] * k[s][from + i]) / Math.Sqrt(size)))];
                for (int s = 0; s <= p; s++)
                    for (int i = 0; i < size; i++)
                        mixed[(h * size) + i] += weights[s] / weights.Sum() * v[s][from + i];
            }
            return Linear(at + "attn_output", mixed);
        })];
    }

    private double[] Turn(double[] x, int position, int size)
    {
        double factor =
            file.Settings.ContainsKey($"{_arch}.rope.scaling.type") ? file.Float($"{_arch}.rope.scaling.factor") : 1;
        double[] y = [.. x];
        for (int start = 0; start < x.Length; start += size)
        {
            for (int i = 0; i < size / 2; i++)
            {
                double divisor = file.Tensors.ContainsKey("rope_freqs.weight") ? Values("rope_freqs.weight")[i] : 1;
                double angle = position / factor / divisor * Math.Pow(
                    file.Float($"{_arch}.rope.freq_base"), -2.0 * i / size);
                var (a, b) = _arch == "llama"
                    ? (start + (2 * i), start + (2 * i) + 1)
                    : (start + i, start + i + (size / 2));
                y[a] = (x[a] * Math.Cos(angle)) - (x[b] * Math.Sin(angle));
                y[b] = (x[a] * Math.Sin(angle)) + (x[b] * Math.Cos(angle));
            }
        }
        return y;
    }
}
