using VaccineRef.Kernels;

namespace VaccineRef.Core.Tests;

// What is given up, by a segment, a release or a reverse pass, and what is computed again.
public sealed partial class TapeTests
{
    /// <summary>Three segments of two layers each, a parameter in all of them, a target inside one.</summary>
    [Fact]
    public void With_segments_the_bits_are_the_same_and_the_memory_is_less()
    {
        var (kept, again) = (Deep(recompute: false), Deep(recompute: true));
        Assert.Equal(kept.Gradient, again.Gradient);
        Assert.Contains(kept.Gradient, value => value != 0);
        Assert.InRange(again.Peak, 1, kept.Peak - 1);
        Assert.InRange(again.Applied, kept.Applied + 1, (2 * kept.Applied) - 1);
    }

    [Fact]
    public void A_second_reverse_pass_computes_again_what_the_first_gave_up()
    {
        foreach (bool recompute in new[] { false, true })
        {
            using var tape = new Tape<double>(_device) { Recompute = recompute };
            var (loss, hidden) = Layers(tape);
            double[] once = tape.Backward(loss, [hidden])[hidden].Span.ToArray();
            Assert.Equal(once, tape.Backward(loss, [hidden])[hidden].Span.ToArray());
        }
    }

    [Fact]
    public void What_a_segment_or_a_reverse_pass_gave_up_cannot_be_used()
    {
        using var tape = new Tape<double>(_device) { Recompute = true };
        var (loss, hidden) = Layers(tape);
        Assert.Throws<InvalidOperationException>(() => tape.Apply(new Scale<double>(2), [hidden]));
        Assert.Throws<InvalidOperationException>(tape.Replay);
        tape.Backward(loss, [hidden]);
        Assert.NotEqual(0, loss.Value.Span[0]);
        var (other, inner) = Net();
        _tape.Backward(other, [inner]);
        Assert.Throws<InvalidOperationException>(() => _tape.Apply(new Scale<double>(2), [inner]));
        Assert.Throws<InvalidOperationException>(_tape.Replay);
    }

    /// <summary>A segment gives up what a tap was shown, unless the tap says that it keeps it.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void What_a_tap_keeps_is_there_after_the_block_and_nothing_else_is(bool keeps)
    {
        using var tape = new Tape<double>(_device) { Recompute = true };
        var pass = new Pass<double>(tape, new Record<double>(SiteKind.MlpOutput) { ForGradients = !keeps });
        var wide = tape.Apply(
            new Gelu<double>(GeluForm.Tanh),
            [tape.Apply(new Linear<double>(), [tape.Constant(_input), tape.Of(_first)])]);
        var hidden = pass.Show(new Site(0, SiteKind.MlpOutput), wide);
        tape.EndSegment(
            tape.Apply(new Linear<double>(), [tape.Apply(new Scale<double>(1.5), [hidden]), tape.Of(_second)]));
        Assert.Equal(keeps, Xunit.Record.Exception(() => tape.Apply(new Scale<double>(2), [hidden])) is null);
    }

    /// <summary>
    /// A chain that releases what can be computed again from what is kept, or also what nobody reads.
    /// </summary>
    [Fact]
    public void Released_values_change_no_bit_and_take_less_memory()
    {
        foreach (bool recompute in new[] { false, true })
        {
            var (kept, cheap, all) = (Chain(recompute, 0), Chain(recompute, 1), Chain(recompute, 2));
            Assert.Equal(kept.Gradient, cheap.Gradient);
            Assert.Equal(kept.Gradient, all.Gradient);
            Assert.Contains(kept.Gradient, value => value != 0);
            Assert.True(
                all.Peak < cheap.Peak && cheap.Peak < kept.Peak, $"{all.Peak}, {cheap.Peak} and {kept.Peak} bytes");
        }
    }

    [Fact]
    public void What_was_released_cannot_be_used_but_is_replayed()
    {
        var scaled = _tape.Apply(new Scale<double>(2), [_tape.Constant(_input)]);
        var y = _tape.Apply(new Linear<double>(), [scaled, _tape.Of(_first)]);
        double[] once = y.Value.Span.ToArray();
        _tape.Release(scaled);
        _tape.Release(scaled);                                                    // twice is as good as once
        Assert.Throws<InvalidOperationException>(() => _tape.Apply(new Scale<double>(2), [scaled]));
        var other = _tape.Apply(new Scale<double>(3), [_tape.Constant(_input)]);   // takes its room
        Assert.Equal(scaled.Value.Offset, other.Value.Offset);
        _tape.Replay();
        Assert.Equal(once, y.Value.Span.ToArray());
    }

    /// <summary>What a branch leaves behind is released, unless somebody reads it later.</summary>
    [Fact]
    public void A_branch_is_released_but_for_its_end_and_what_is_kept()
    {
        var x = _tape.Constant(_input);
        var kept = _tape.Apply(new Scale<double>(2), [x]);
        _tape.KeepFrom(kept);
        var spent = _tape.Apply(new Scale<double>(3), [kept]);
        var end = _tape.Apply(new Add<double>(), [x, spent]);
        _tape.ReleaseBetween(x, end);
        Assert.Throws<InvalidOperationException>(() => _tape.Apply(new Scale<double>(2), [spent]));
        Assert.Equal(2 * _input.Span[4], _tape.Apply(new Scale<double>(1), [kept]).Value.Span[4]);
        var loss = Loss(_tape.Apply(new Scale<double>(1), [end]));
        Assert.Contains(_tape.Backward(loss, [x])[x].Span.ToArray(), value => value != 0);
        Assert.Equal(2 * _input.Span[4], kept.Value.Span[4]);
    }

    private (double[] Gradient, long Peak) Chain(bool recompute, int releases)
    {
        using var tape = new Tape<double>(_device) { Recompute = recompute };
        Train();
        _first.Gradient.Span.Clear();
        var x = tape.Constant(_input);
        for (int layer = 0; layer < 8; layer++)
        {
            x = layer % 4 == 0 ? tape.EndSegment(x) : x;
            var scaled = tape.Apply(new Scale<double>(0.7), [x]);                  // read by Linear: computed again
            var wide = tape.Apply(new Linear<double>(), [scaled, tape.Of(_first)]);
            var y = tape.Apply(new Linear<double>(), [wide, tape.Of(_second)]);
            var moved = tape.Apply(new Add<double>(0.5), [x, y]);                  // reads neither: y is gone for good
            foreach (var spent in ((Tensor<double>[])[scaled, y])[..releases])
                tape.Release(spent);
            x = moved;
        }

        tape.BackwardToParameters(
            tape.Apply(new Mean<double>(), [tape.Apply(new SquaredDistance<double>(), [x, tape.Constant(_input)])]));
        return (_first.Gradient.Span.ToArray(), tape.Activations.Peak);
    }

    [Fact]
    public void Replaying_computes_with_what_leaves_and_ids_hold_now()
    {
        int[] ids = [0, 1];
        var rows = _tape.Apply(new Embedding<double>(), [_tape.Constant(_input)], ids);
        var y = _tape.Apply(new Linear<double>(), [rows, _tape.Of(_first)]);
        (ids[0], ids[1]) = (3, 2);
        _input.Span[7] += 1;
        _tape.Replay();
        double[] found = y.Value.Span.ToArray();
        _tape.Clear();
        rows = _tape.Apply(new Embedding<double>(), [_tape.Constant(_input)], ids);
        Assert.Equal(_tape.Apply(new Linear<double>(), [rows, _tape.Of(_first)]).Value.Span.ToArray(), found);
        ids[0] = 5;
        Assert.Throws<ShapeException>(_tape.Replay);
    }

    private (double[] Gradient, long Peak, long Applied) Deep(bool recompute)
    {
        using var tape = new Tape<double>(_device) { Recompute = recompute };
        Train();
        var (loss, hidden) = Layers(tape);
        double[] atSite = tape.Backward(loss, [hidden])[hidden].Span.ToArray();
        tape.Clear();
        _first.Gradient.Span.Clear();
        tape.BackwardToParameters(Layers(tape).Loss);
        return ([.. atSite, .. _first.Gradient.Span], tape.Activations.Peak, tape.Applied);
    }

    private (Tensor<double> Loss, Tensor<double> Hidden) Layers(Tape<double> tape)
    {
        var (x, hidden) = (tape.Constant(_input), default(Tensor<double>));
        for (int segment = 0; segment < 3; segment++)
        {
            var wide = tape.Apply(new Linear<double>(), [x, tape.Of(_first)]);
            wide = tape.Apply(new Gelu<double>(GeluForm.Tanh), [wide]);
            hidden = segment == 1 ? wide : hidden;
            wide = tape.Apply(new Scale<double>(1.5), [wide]);
            x = tape.EndSegment(tape.Apply(new Linear<double>(), [wide, tape.Of(_second)]));
        }

        var zero = tape.Constant(_arena.Allocate<double>(x.Shape, clear: true));
        return (tape.Apply(new Mean<double>(), [tape.Apply(new SquaredDistance<double>(), [x, zero])]), hidden);
    }
}
