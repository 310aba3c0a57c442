using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Kernels;
using VaccineRef.Models;

namespace VaccineRef.Training;

/// <summary>A text as a model reads it: at each counted place, the token that was there and the one it would have said.</summary>
/// <param name="Expected">The counted labels.</param>
/// <param name="Chosen">The likeliest token at each of them, the lowest of those that share it.</param>
/// <param name="Loss">Sum of -log p of the labels.</param>
public sealed record ForcedAnswer(int[] Expected, int[] Chosen, double Loss)
{
    /// <summary>How many of the first tokens the model would have said itself.</summary>
    public int Agreed { get; } = Expected.AsSpan().CommonPrefixLength(Chosen);

    /// <summary>What greedy decoding says, as far as this text tells: the tokens agreed on, and the first of its own.</summary>
    public ReadOnlySpan<int> Greedy => Chosen.AsSpan(0, Math.Min(Agreed + 1, Chosen.Length));
}

/// <summary>
/// Reads texts with their answers in one forward. Greedy decoding produces an answer exactly if the likeliest token is
/// the answer's own at each of its places, since up to there both have read the same: many verdicts at once, without
/// generating.
/// </summary>
public static class TeacherForcing
{
    private const int BatchSize = 50;

    /// <summary>Reads every text; the counted labels are its answer.</summary>
    /// <exception cref="NonFiniteException">A logit is NaN.</exception>
    public static IReadOnlyList<ForcedAnswer> Read<T>(
        ILanguageModel<T> model, IReadOnlyList<TokenSequence> texts, Device device) where T : unmanaged, IFloatingPointIeee754<T>
    {
        using var tape = new Tape<T>(device);
        var answers = new List<ForcedAnswer>(texts.Count);
        foreach (var chunk in texts.Chunk(BatchSize))
        {
            answers.AddRange(Read(model, PackedBatch.Pack(chunk), tape));
            tape.Clear();
        }

        return answers;
    }

    /// <summary>Nats per counted token of all of them.</summary>
    public static double Loss(IReadOnlyCollection<ForcedAnswer> answers) =>
        answers.Sum(answer => answer.Loss) / answers.Sum(answer => answer.Expected.Length);

    private static IEnumerable<ForcedAnswer> Read<T>(ILanguageModel<T> model, PackedBatch batch, Tape<T> tape)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        int[] rows = batch.CountedRows, targets = batch.CountedTargets;
        var hidden = model.Forward(new Pass<T>(tape, new NoTap<T>()), batch, outputRows: rows);
        var head = tape.Of(model.Head);
        var losses = tape.Apply(new CrossEntropy<T>(Reduction.None), [hidden, head], targets).Value.ToHost(tape.Device);
        var greedy = tape.Apply(new GreedyToken<T>(), [tape.Apply(new Linear<T>(), [hidden, head])]);
        int[] chosen = [.. greedy.Value.ToHost(tape.Device).Select(int.CreateChecked)];
        if (chosen.Contains(-1))
            throw new NonFiniteException("a logit", 0, null, batch.Ids);
        for (int sequence = 0, first = 0, end; sequence < batch.Sequences; sequence++, first = end)
        {
            end = first;
            while (end < rows.Length && rows[end] < batch.Offsets[sequence + 1])
                end++;
            yield return new(
                targets[first..end], chosen[first..end], losses[first..end].Sum(double.CreateChecked));
        }
    }

    private static T[] ToHost<T>(this View<T> view, Device device) where T : unmanaged
    {
        var values = new T[view.Shape.Count];
        device.Download(view, values.AsSpan());
        return values;
    }
}
