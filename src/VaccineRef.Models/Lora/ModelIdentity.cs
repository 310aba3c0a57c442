using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using VaccineRef.Core;

namespace VaccineRef.Models;

/// <summary>
/// Tells models apart. The identity of a model as it was loaded or made is SHA-256 over all its weights: for each, in
/// the order of their names, the name, the dimensions and the values, rounded to binary32. It does not depend on the
/// type in which a checkpoint stores the weights, as long as binary32 can hold them, nor on how it is cut into files.
/// The identity of a model into which an adapter was merged is SHA-256 over the identity before and that of the
/// adapter: merging rounds differently on different devices, and this does not.
/// </summary>
internal static class ModelIdentity
{
    // Values converted at a time: the buffer stays within the second-level cache.
    private const int Window = 16384;

    /// <summary>The identity of weights, in lower-case hexadecimal.</summary>
    public static string Of<T>(IEnumerable<Parameter<T>> parameters, Device device)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        using var sum = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new float[Window];
        foreach (var parameter in parameters.OrderBy(each => each.Name, StringComparer.Ordinal))
        {
            sum.AppendData(Encoding.UTF8.GetBytes($"{parameter.Name} [{string.Join(", ", parameter.Dimensions)}]\n"));
            HostWindows.Each(device, parameter, (_, values) => Append(sum, values, buffer));
        }
        return Convert.ToHexStringLower(sum.GetHashAndReset());
    }

    /// <summary>The identity of an adapter: its tensors, and what they are multiplied with.</summary>
    public static string Of<T>(AdapterConfig config, IEnumerable<Parameter<T>> parameters, Device device)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        string patterns = string.Concat(config.RankPattern.Entries.Concat(config.AlphaPattern.Entries)
            .Select(entry => Text($", {entry.Key} {entry.Value:R}")));
        return Join(
            Text($"r {config.Rank}, alpha {config.Alpha:R}, rslora {config.UseRsLora}{patterns}"),
            Of(parameters, device));
    }

    /// <summary>The identity of a model after an adapter was merged into it.</summary>
    public static string Merged(string model, string adapter) => Join(model, adapter);

    private static string Join(string first, string second) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{first}\n{second}\n")));

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private static void Append<T>(IncrementalHash sum, ReadOnlySpan<T> values, Span<float> buffer)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        for (int done = 0; done < values.Length; done += Window)
        {
            var part = values.Slice(done, Math.Min(Window, values.Length - done));
            var single = buffer[..part.Length];
            TensorPrimitives.ConvertTruncating(part, single);
            if (!BitConverter.IsLittleEndian)
                BinaryPrimitives.ReverseEndianness(
                    MemoryMarshal.Cast<float, int>(single), MemoryMarshal.Cast<float, int>(single));
            sum.AppendData(MemoryMarshal.AsBytes(single));
        }
    }
}
