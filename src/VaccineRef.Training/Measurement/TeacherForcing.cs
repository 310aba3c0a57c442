using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Kernels;
using VaccineRef.Models;

namespace VaccineRef.Training;

/// <summary>
/// What a model makes of a text with a given answer: for each token of the answer, the likeliest token in its place.
/// </summary>
/// <param name="Expected">The tokens of the answer: the counted labels.</param>
/// <param name="Chosen">
/// The likeliest token in each of these places; of several equally likely ones, the one with the lowest id.
/// </param>
/// <param name="Loss">The sum of -log p over the tokens of the answer.</param>
public sealed record ForcedAnswer(int[] Expected, int[] Chosen, double Loss)
{
    /// <summary>How many tokens from the beginning of the answer the model would have generated itself.</summary>
    public int Agreed { get; } = Expected.AsSpan().CommonPrefixLength(Chosen);

    /// <summary>
    /// The beginning of what greedy decoding generates: the tokens that agree with the answer, and the first one that
    /// does not.
    /// </summary>
    public ReadOnlySpan<int> Greedy => Chosen.AsSpan(0, Math.Min(Agreed + 1, Chosen.Length));
}

/// <summary>
/// Reads texts together with their answers, many at once. Greedy decoding would generate an answer exactly if in each
/// place of it the likeliest token is the answer's own, because up to that place both have read the same text. This
/// tells what a model would answer in one forward pass, without generating.
/// </summary>
public static class TeacherForcing
{
    private const int BatchSize = 50;

    /// <summary>Reads every text. Its counted labels are the answer.</summary>
    /// <param name="model">The model.</param>
    /// <param name="texts">The texts.</param>
    /// <param name="device">Where to compute.</param>
    /// <param name="ranks">
    /// Among whom the batches are divided; nobody if it is null. Every rank gets all answers, the same bits as one
    /// alone.
    /// </param>
    /// <param name="cancel">Stops after the batch under way.</param>
    /// <exception cref="NonFiniteException">A logit is NaN.</exception>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public static IReadOnlyList<ForcedAnswer> Read<T>(
        ILanguageModel<T> model, IReadOnlyList<TokenSequence> texts, Device device, ICommunicator? ranks = null,
        CancellationToken cancel = default)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        using var tape = new Tape<T>(device);
        TokenSequence[][] chunks = [.. texts.Chunk(BatchSize)];
        byte[][] answers = (ranks ?? Alone.Only).Divide(chunks.Length, i =>
        {
            cancel.ThrowIfCancellationRequested();
            byte[] read = ToBytes([.. Read(model, PackedBatch.Pack(chunks[i]), tape)]);
            tape.Clear();
            return read;
        });
        return [.. answers.SelectMany(FromBytes)];
    }

    private static byte[] ToBytes(ForcedAnswer[] answers)
    {
        using var bytes = new MemoryStream();
        using var writer = new BinaryWriter(bytes);
        foreach (var (expected, chosen, loss) in answers)
        {
            writer.Write(expected.Length);
            foreach (int token in expected.Concat(chosen))
                writer.Write(token);
            writer.Write(loss);
        }

        return bytes.ToArray();
    }

    private static IEnumerable<ForcedAnswer> FromBytes(byte[] bytes)
    {
        using var reader = new BinaryReader(new MemoryStream(bytes));
        int[] Tokens(int count) => [.. Enumerable.Range(0, count).Select(_ => reader.ReadInt32())];
        while (reader.BaseStream.Position < bytes.Length)
        {
            int count = reader.ReadInt32();
            yield return new(Tokens(count), Tokens(count), reader.ReadDouble());
        }
    }

    /// <summary>The mean loss per token of all answers together, in nats.</summary>
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
