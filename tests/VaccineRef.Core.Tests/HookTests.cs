namespace VaccineRef.Core.Tests;

/// <summary>What taps and ops have that say nothing of it, and what a tap behind another adds up.</summary>
public sealed class HookTests
{
    [Fact]
    public void There_is_one_site_before_the_blocks()
    {
        Assert.Equal(new Site(0, SiteKind.TokenEmbedding), Site.TokenEmbedding);
        Assert.Equal("layers.3.mlp_output", $"{new Site(3, SiteKind.MlpOutput)}");
    }

    [Theory]
    [InlineData(SiteKind.AttentionOutput, true, true)]
    [InlineData(SiteKind.MlpOutput, true, false)]
    [InlineData(SiteKind.BlockOutput, false, false)]
    public void Two_taps_in_turn_hold_what_both_hold_and_listen_where_either_does(
        SiteKind kind, bool listens, bool keeps)
    {
        ITap<double> both = new InTurn<double>(
            new Bytes(3, [SiteKind.AttentionOutput], [SiteKind.AttentionOutput]),
            new Bytes(5, [SiteKind.AttentionOutput, SiteKind.MlpOutput], []));
        Assert.Equal((8, listens, keeps), (both.StateBytes, both.ListensTo(kind), both.Keeps(kind)));
    }

    /// <summary>
    /// An op that says nothing may be run once only, reads all of its inputs, and adds to every gradient.
    /// </summary>
    [Fact]
    public void An_op_that_says_nothing_promises_nothing()
    {
        var op = new Silent();
        Assert.Equal(
            (false, false, true, false, Shape.Empty),
            (op.IsCheap, op.ReadsOutput, op.Reads(0, 1), op.Overwrites(0), op.Saved([])));
    }

    private sealed class Bytes(long bytes, SiteKind[] listens, SiteKind[] keeps) : ITap<double>
    {
        public long StateBytes => bytes;

        public bool ListensTo(SiteKind kind) => listens.Contains(kind);

        public bool Keeps(SiteKind kind) => keeps.Contains(kind);

        public Tensor<double> At(Site site, Tensor<double> hidden, Pass<double> pass) => hidden;
    }

    private sealed class Silent : Op<double>
    {
        public override string Name => "Silent";

        public override Shape Infer(ReadOnlySpan<Shape> x) => x[0];

        public override void Forward(CpuFrame<double> f)
        {
        }

        public override void Backward(CpuFrame<double> f)
        {
        }
    }
}
