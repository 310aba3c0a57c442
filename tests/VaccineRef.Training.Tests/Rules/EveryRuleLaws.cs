using VaccineRef.Core;
using VaccineRef.Laws;

namespace VaccineRef.Training.Tests.Rules;

/// <summary>
/// What every gradient rule keeps to besides the laws of <see cref="RuleLaws"/>, on Llama and OPT, with full weights
/// and through an adapter.
/// </summary>
public sealed class EveryRuleLaws
{
    private static readonly TinyModel Tiny = new(Family.Llama, false, 3, 1, 2, 4, 17, new(6, 5, 4), Seed: 21);

    public static TheoryData<string> Rules => [.. RuleVariants.All.Select(rule => rule.Name)];

    public static TheoryData<string> Variants => [.. RuleVariants.All.Except(RuleCases.All).Select(rule => rule.Name)];

    private static IEnumerable<TinyModel> Models =>
        from adapted in (bool[])[false, true]
        from family in (Family[])[Family.Llama, Family.Opt]
        select Tiny with { Family = family, Adapted = adapted, Dropout = adapted ? 0.2 : 0 };

    /// <summary>Weights, and with them the loss, are those from before bit for bit; the tape is empty.</summary>
    [Theory]
    [MemberData(nameof(Rules))]
    public void It_forms_gradients_and_leaves_the_weights_as_they_were(string name)
    {
        var rule = Named(name);
        foreach (var tiny in Models)
        {
            using var run = new TinyRun<double>(tiny);
            var made = rule.Options.Make<double>(run.Device);
            using var disposable = made as IDisposable;
            double[] before = run.Weights;
            Assert.True(double.IsFinite(run.Step(made).Loss));
            Assert.Equal(before, run.Weights);
            Assert.Contains(run.Gradient, value => value != 0);
            Assert.Equal(0, run.State.Tape.Activations.InUse);
        }
    }

    [Theory]
    [MemberData(nameof(Rules))]
    public void One_two_and_three_threads_give_the_same_bits(string name)
    {
        var rule = Named(name);
        foreach (var tiny in Models
            .Select(tiny => tiny with { HeadSize = 16, Vocabulary = 311, Lengths = new(40, 31, 50) }))
        {
            float[] Trained(int threads)
            {
                using var run = new TinyRun<float>(tiny, threads, noise: 0.05);
                var made = rule.Options.Make<float>(run.Device);
                using var disposable = made as IDisposable;
                using var step = new TrainStep<float>(
                    run.Model.Trainable, run.Objective, made, new StepOptions(new AdamWOptions(0.01)), run.Device,
                    run.Streams);
                step.Run(run.Batch);
                step.Run(run.Batch);
                return [.. run.Model.Trainable.SelectMany(parameter => parameter.Value.Span.ToArray())];
            }

            float[] one = Trained(1);
            Assert.All(one, value => Assert.True(float.IsFinite(value)));
            Assert.Equal(one, Trained(2));
            Assert.Equal(one, Trained(3));
        }
    }

    /// <summary>Whichever pass it is that fails.</summary>
    [Theory]
    [MemberData(nameof(Rules))]
    public void A_pass_that_fails_leaves_the_weights_as_they_were(string name)
    {
        var rule = Named(name);
        int passes = (int)Math.Ceiling(rule.Options.Passes().Forwards) + 1;            // and what a first step learns
        for (int failing = 1; failing <= passes; failing++)
        {
            using var run = new TinyRun<double>(Tiny);
            var made = rule.Options.Make<double>(run.Device);
            using var disposable = made as IDisposable;
            double[] before = run.Weights;
            int pass = failing;
            var failed = new Watched<double>(run.Objective, (forward, _) =>
            {
                if (forward == pass)
                    throw new InvalidOperationException("this pass fails");
            });
            Record.Exception(() => run.Step(made, objective: failed));
            Assert.Equal(before, run.Weights);
        }
    }

    [Theory]
    [MemberData(nameof(Rules))]
    public void It_asks_for_the_streams_that_it_names(string name)
    {
        var rule = Named(name);
        using var run = new TinyRun<double>(Tiny);
        using var alone = new TrainState<double>(run.Device, run.Model.Trainable, seed: 1);
        var made = rule.Options.Make<double>(run.Device);
        using var disposable = made as IDisposable;
        alone.BeginStep();
        var error = Record.Exception(() => made.Accumulate(run.Objective, run.Batch, alone));
        if (rule.Options.Streams() is [var stream, ..])
            Assert.Contains(stream, Assert.IsType<InputException>(error).Message, StringComparison.Ordinal);
        else
            Assert.Null(error);
    }

    [Theory]
    [MemberData(nameof(Variants))]
    public void Variants_obey_the_laws_of_rules(string name) => RuleLaws.Check(Named(name));

    private static RuleCase Named(string name) => RuleVariants.All.Single(rule => rule.Name == name);
}
