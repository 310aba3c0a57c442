using System.Reflection;
using VaccineRef.Core;
using VaccineRef.Laws;
using VaccineRef.Models;

namespace VaccineRef.Training.Tests.Rules;

/// <summary>
/// A setting of a rule that is read and forgotten is one kind of defect: each setting of each rule changes what is
/// trained.
/// </summary>
public sealed class EverySettingLaws
{
    private const int Steps = 6;

    private static readonly TinyModel Tiny =
        new(Family.Llama, true, 3, 1, 2, 4, 17, new(6, 5, 4), Seed: 21) { Dropout = 0.2 };

    /// <summary>What changes no number, and why.</summary>
    private static readonly Dictionary<string, string> Exceptions = new()
    {
        ["TVaccineOptions.Recompute"] = "blocks are computed again to save memory, and come out as they were",
    };

    public static TheoryData<string> Settings =>
        [.. RuleVariants.All.SelectMany(rule => Of(rule.Options)).Select(Name).Distinct()
            .Where(name => !Exceptions.ContainsKey(name))];

    [Theory]
    [MemberData(nameof(Settings))]
    public void It_changes_what_is_trained(string setting) => Assert.Contains(
        RuleVariants.All.Where(rule => setting.StartsWith($"{rule.Options.GetType().Name}.", StringComparison.Ordinal)),
        rule => Others(rule.Options, Of(rule.Options).Single(each => Name(each) == setting))
            .Any(other => !Trained(other).SequenceEqual(Trained(rule.Options))));

    [Fact]
    public void An_exception_changes_nothing_and_is_a_setting() => Assert.All(Exceptions.Keys, name =>
    {
        var options = RuleVariants.All.First(rule => name.StartsWith($"{rule.Options.GetType().Name}.", StringComparison.Ordinal)).Options;
        Assert.All(
            Others(options, Of(options).Single(each => Name(each) == name)),
            other => Assert.Equal(Trained(options), Trained(other)));
    });

    /// <summary>
    /// Passes of one step over different rows never drop the same elements, however a rule draws its passes.
    /// </summary>
    [Theory]
    [InlineData(PassDropout.Shared)]
    [InlineData(PassDropout.Fresh)]
    public void Passes_over_other_rows_have_streams_of_their_own(PassDropout dropout) => Assert.All(
        RuleVariants.All.Where(rule => rule.Options.GetType().GetProperty("Dropout") is not null), rule =>
    {
        var options = (RuleOptions)typeof(RuleOptions).GetMethod("<Clone>$")!.Invoke(rule.Options, null)!;
        options.GetType().GetProperty("Dropout")!.SetValue(options, dropout);
        using var run = new TinyRun<double>(Tiny);
        var made = options.Make<double>(run.Device);
        using var disposable = made as IDisposable;
        var seen = new Streams(run.Objective);
        run.Step(made, objective: seen);
        Assert.NotEmpty(seen.Passes);
        Assert.All(
            seen.Passes.GroupBy(pass => pass.Random),
            stream => Assert.Single(stream.Select(pass => pass.Batch).Distinct()));
    });

    [Fact]
    public void An_objective_that_says_nothing_holds_nothing_and_aligns_itself()
    {
        using var run = new TinyRun<double>(Tiny);
        IObjective<double> silent = new Watched<double>(run.Objective, (_, _) => { });
        Assert.Equal(0, silent.StateBytes);
        Assert.Same(silent, silent.Aligning);
    }

    /// <summary>Notes the stream and the rows of every pass.</summary>
    private sealed class Streams(IObjective<double> inner) : IObjective<double>
    {
        public List<(RandomStream Random, PackedBatch Batch)> Passes { get; } = [];

        public string Name => "streams";

        public IObjective<double> Layerwise => inner.Layerwise;

        public Tensor<double> Hidden(Pass<double> pass, PackedBatch batch, int[] rows) =>
            inner.Hidden(pass, batch, rows);

        public Tensor<double> Loss(Pass<double> pass, PackedBatch batch)
        {
            Passes.Add((pass.Random, batch));
            return inner.Loss(pass, batch);
        }
    }

    private static string Name(PropertyInfo setting) => $"{setting.DeclaringType!.Name}.{setting.Name}";

    private static IEnumerable<PropertyInfo> Of(RuleOptions options) =>
        options.GetType().GetProperties(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly)
            .Where(property => property.CanWrite);

    /// <summary>The same with one setting changed.</summary>
    private static IEnumerable<RuleOptions> Others(RuleOptions options, PropertyInfo setting)
    {
        foreach (object? value in Values(
            setting.GetValue(options), Nullable.GetUnderlyingType(setting.PropertyType) ?? setting.PropertyType))
        {
            var clone = (RuleOptions)typeof(RuleOptions).GetMethod("<Clone>$")!.Invoke(options, null)!;
            setting.SetValue(clone, value);
            yield return clone;
        }
    }

    private static IEnumerable<object?> Values(object? value, Type type) =>
        type == typeof(double) ? [((double?)value ?? 0.05) * 0.75 + 0.02, Math.Sqrt((double?)value ?? 0.05)]
        : type == typeof(int) ? [(int)value! + 1, Math.Max(1, (int)value - 1)]
        : type == typeof(bool) ? [!(bool)value!]
        : type.IsEnum ? Enum.GetValues(type).Cast<object?>().Where(each => !Equals(each, value))
        : type == typeof(IReadOnlyList<int>) ? [new[] { 1 }]
        : type == typeof(IReadOnlyList<double>) ? [new[] { 0.01 }]
        : type == typeof(IReadOnlyList<SiteKind>) ? [new[] { SiteKind.MlpOutput }, new[] { SiteKind.TokenEmbedding }]
        : throw new NotSupportedException($"a setting of the type {type}");

    private static double[] Trained(RuleOptions options)
    {
        using var run = new TinyRun<double>(Tiny);
        var rule = options.Make<double>(run.Device);
        using var disposable = rule as IDisposable;
        using var step = new TrainStep<double>(
            run.Model.Trainable, run.Objective, rule, new StepOptions(new AdamWOptions(0.01, WeightDecay: 0.1)),
            run.Device, run.Streams);
        step.State.PlannedSteps = Steps;
        for (int i = 0; i < Steps; i++)
            step.Run(run.Batch);
        return run.Weights;
    }
}
