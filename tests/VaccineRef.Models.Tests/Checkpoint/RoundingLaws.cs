using System.Numerics;

namespace VaccineRef.Models.Tests;

/// <summary>
/// Narrowing rounds once, to nearest, ties to even. The oracle knows only how to decode 16 bits and compares exact
/// distances: a decoded value, the difference of two and the value itself are all exact in BigInteger units of 2^-1074.
/// </summary>
public sealed class RoundingLaws
{
    [Property]
    public void Doubles_round_to_the_nearest(int seed) => Check(seed, TensorType.F16, TensorType.BF16);

    [Property]
    public void Every_16_bit_pattern_survives(ushort start)
    {
        ushort[] bits = [.. Enumerable.Range(0, 512).Select(i => (ushort)(start + 128 * i))];
        foreach (var type in new[] { TensorType.F16, TensorType.BF16 })
        {
            var values = Decode<float>(type, bits);
            for (var i = 0; i < bits.Length; i++)
                Assert.Equal(Decode(type, bits[i]), values[i]);
            Assert.Equal(values.Select(value => (double)value), Decode<double>(type, bits));
            var again = Encode<float>(type, values);
            for (var i = 0; i < bits.Length; i++)
                Assert.True(float.IsNaN(values[i]) ? double.IsNaN(Decode(type, again[i])) : bits[i] == again[i]);
        }
    }

    [Fact]
    public void A_tie_of_the_double_is_not_a_tie_of_the_float()
    {
        // 1 + 2^-8 is halfway between two BF16 numbers; 2^-40 more must round up, although (float) drops it.
        var above = 1 + Math.ScaleB(1, -8) + Math.ScaleB(1, -40);
        Assert.Equal([0x3F81], Encode(TensorType.BF16, [above]));
        Assert.Equal([0x3F80], Encode(TensorType.BF16, [1 + Math.ScaleB(1, -8)]));
        Assert.Equal([0x3F80], Encode(TensorType.BF16, [1 + Math.ScaleB(1, -8) - Math.ScaleB(1, -40)]));
    }

    [Theory]
    [InlineData(0x7F800001)]
    [InlineData(0x7FFFFFFF)]
    [InlineData(0x7FC00000)]
    public void A_nan_stays_a_nan_whatever_its_payload(int bits)
    {
        float[] values = [BitConverter.Int32BitsToSingle(bits), BitConverter.Int32BitsToSingle(bits | int.MinValue)];
        foreach (var type in new[] { TensorType.F16, TensorType.BF16 })
            Assert.All(Encode(type, values), pattern => Assert.Equal(double.NaN, Decode(type, pattern)));
    }

    [Theory]
    [InlineData(TensorType.F16, 65520.0)]
    [InlineData(TensorType.F16, -1e9)]
    [InlineData(TensorType.BF16, 3.3961775292304601e38)]
    [InlineData(TensorType.F32, 3.4028235677973366e38)]
    [InlineData(TensorType.F32, -1e300)]
    public void A_value_beyond_the_type_is_refused_and_never_becomes_infinite(TensorType type, double value)
    {
        double[] values = [double.NaN, 1, double.PositiveInfinity, value];
        var error = Assert.Throws<CheckpointException>(() => Encode(type, values));
        Assert.Equal("x", error.Key);
        Encode(type, [double.NaN, double.NegativeInfinity, 65504]);
    }

    [Fact]
    public void The_largest_value_below_the_limit_is_the_largest_number()
    {
        Assert.Equal([0x7BFF], Encode(TensorType.F16, [Math.BitDecrement(65520.0)]));
        Assert.Equal([0x7F7F], Encode(TensorType.BF16, [Math.BitDecrement(3.3961775292304601e38)]));
    }

    [Fact]
    public void A_double_beyond_float_is_refused_when_read_as_float()
    {
        using var folder = new TempFolder();
        var path = folder.File("x.safetensors");
        SafetensorsWriter.Write(path, [TensorData.Floats<double>("x", TensorType.F64, [2], new[] { 1, 1e39 })]);
        using var file = SafetensorsFile.Open(path);
        file.Read<double>("x", new double[2]);
        Assert.Throws<CheckpointException>(() => file.Read<float>("x", new float[2]));
    }

    private static void Check(int seed, params TensorType[] types)
    {
        var random = new Random(seed);
        double[] values = [.. Enumerable.Range(0, 512).Select(_ => Interesting(random))];
        foreach (var type in types)
        {
            var bits = Encode(type, values);
            for (var i = 0; i < values.Length; i++)
                AssertNearest(type, values[i], bits[i]);
            float[] singles = [.. values.Select(value => (float)value)];
            bits = Encode(type, singles);
            for (var i = 0; i < values.Length; i++)
                AssertNearest(type, singles[i], bits[i]);
        }
    }

    // Values at, just above and just below the midpoints of the 16-bit grids, small and subnormal ones included.
    private static double Interesting(Random random)
    {
        var mantissa = 1 + random.Next(1 << 12) / (double)(1 << 12);
        var nudge = random.Next(-1, 2) * Math.ScaleB(1, -random.Next(12, 53));
        var value = Math.ScaleB(mantissa + nudge, random.Next(4) == 0 ? random.Next(-140, 15) : random.Next(-26, 15));
        return random.Next(2) == 0 ? value : -value;
    }

    private static void AssertNearest(TensorType type, double value, ushort bits)
    {
        var distance = BigInteger.Abs(Units(value) - Units(Decode(type, bits)));
        Assert.True(double.IsNegative(value) == bits >> 15 > 0, "the sign is kept");
        foreach (var step in new[] { -1, 1 })
        {
            var magnitude = (bits & 0x7FFF) + step;
            if (magnitude < 0)
                continue;
            var other = Decode(type, (ushort)((bits & 0x8000) | magnitude));
            Assert.True(double.IsFinite(other));
            var further = BigInteger.Abs(Units(value) - Units(other));
            var nearest = distance < further || (distance == further && (bits & 1) == 0);
            Assert.True(nearest, $"{value:R} as {type} is not {bits:X4}");
        }
    }

    // Sign, exponent and fraction, straight from IEEE 754.
    private static double Decode(TensorType type, ushort bits)
    {
        var (fractionBits, bias) = type == TensorType.F16 ? (10, 15) : (7, 127);
        var (exponent, fraction) = ((bits & 0x7FFF) >> fractionBits, bits & ((1 << fractionBits) - 1));
        var sign = bits >> 15 == 0 ? 1.0 : -1.0;
        if (exponent == 2 * bias + 1)
            return fraction == 0 ? sign * double.PositiveInfinity : double.NaN;
        var significand = exponent == 0 ? fraction : fraction + (1 << fractionBits);
        return sign * Math.ScaleB(significand, Math.Max(exponent, 1) - bias - fractionBits);
    }

    private static BigInteger Units(double value)
    {
        var bits = BitConverter.DoubleToInt64Bits(Math.Abs(value));
        var (exponent, fraction) = ((int)(bits >> 52), bits & ((1L << 52) - 1));
        var magnitude = exponent == 0 ? fraction : (BigInteger)(fraction | (1L << 52)) << (exponent - 1);
        return value < 0 ? -magnitude : magnitude;
    }

    private static ushort[] Encode<T>(TensorType type, T[] values) where T : unmanaged, IFloatingPointIeee754<T>
    {
        using var folder = new TempFolder();
        var path = folder.File("x.safetensors");
        SafetensorsWriter.Write(path, [TensorData.Floats<T>("x", type, [values.Length], values)]);
        var bytes = RawSafetensors.Read(File.ReadAllBytes(path))["x"].Bytes;
        return [.. Enumerable.Range(0, values.Length).Select(i => BitConverter.ToUInt16(bytes, 2 * i))];
    }

    private static T[] Decode<T>(TensorType type, ushort[] bits) where T : unmanaged, IFloatingPointIeee754<T>
    {
        using var folder = new TempFolder();
        var header = $"{{{RawSafetensors.Entry("x", type.Name(), $"[{bits.Length}]", $"[0,{2 * bits.Length}]")}}}";
        using var file = SafetensorsFile.Open(
            folder.Write("x.safetensors", RawSafetensors.File(header, [.. bits.SelectMany(BitConverter.GetBytes)])));
        var values = new T[bits.Length];
        file.Read<T>("x", values);
        return values;
    }
}
