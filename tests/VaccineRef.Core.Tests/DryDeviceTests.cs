namespace VaccineRef.Core.Tests;

/// <summary>The device that only counts.</summary>
public sealed class DryDeviceTests
{
    /// <summary>
    /// An arena on it takes what an arena on the processor takes, to the byte, whatever is asked for and given back.
    /// </summary>
    [Property]
    public void It_counts_what_an_arena_hands_out(PositiveInt[] rows, bool[] back)
    {
        using var processor = new CpuDevice(threads: 1);
        var dry = new DryDevice();
        using Arena real = new(processor), counted = new(dry);
        for (int time = 0; time < 2; time++)
        {
            for (int i = 0; i < rows.Length; i++)
            {
                var shape = new Shape(rows[i].Get, 700);
                var (view, nothing) = (real.Allocate<float>(shape), counted.Allocate<float>(shape));
                if (back.Length > 0 && back[i % back.Length])
                {
                    real.Free(view);
                    counted.Free(nothing);
                }
            }

            Assert.Equal((real.InUse, real.Peak, real.Reserved), (counted.InUse, counted.Peak, counted.Reserved));
            Assert.Equal(real.Peak, dry.Peak);
            real.Rewind();
            counted.Rewind();
        }

        counted.Dispose();
        Assert.Equal(0, dry.Bytes);
    }

    [Fact]
    public void What_is_read_from_it_is_zero()
    {
        var dry = new DryDevice();
        using var arena = new Arena(dry);
        var view = arena.Allocate<float>(new(2, 2));
        dry.Fill(view, 3f);
        float[] read = [1, 2, 3, 4];
        dry.Download(view, read.AsSpan());
        Assert.Equal([0, 0, 0, 0], read);
        Assert.Throws<InvalidOperationException>(() => view.Span.Length);
    }
}
