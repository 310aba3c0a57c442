using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using VaccineRef.Experiments.Recipes;

namespace VaccineRef.Experiments.Tests.Recipes;

/// <summary>Every number of a recipe has a range, and what is outside is refused by the name of its key.</summary>
public sealed class NumberLimitLaws
{
    private static readonly Type[] Whole = [typeof(int), typeof(long), typeof(ulong)],
        Real = [typeof(double), typeof(decimal)];

    private static readonly (JsonTypeInfo Record, JsonPropertyInfo Key, NumberRange? Range)[] Numbers = [.. Find(
        typeof(Recipe), [])];

    [Fact]
    public void Every_number_of_a_recipe_has_a_range()
    {
        Assert.True(Numbers.Length > 40);
        Assert.Empty(Numbers.Where(number => number.Range is null)
            .Select(number => $"{number.Record.Type.Name}.{number.Key.Name}"));
    }

    /// <summary>Values of every size, and those at the bounds.</summary>
    [Property(MaxTest = 2000)]
    public void A_number_is_taken_exactly_when_it_is_in_range(
        NormalFloat any, sbyte exponent, byte which, bool atBound, bool above)
    {
        var (record, key, range) = Numbers[which % Numbers.Length];
        double bound = above ? range!.Value.Most : range!.Value.Least;
        double value = atBound
            ? bound + (Math.Sign(any.Get) * (Math.Abs(bound) < 2 ? 1 : 0))
            : any.Get * Math.Pow(10, exponent % 25);
        if (Whole.Contains(Plain(key)))
            value = Math.Round(value);
        string text = Whole.Contains(Plain(key)) && Math.Abs(value) < 1e15
            ? value.ToString("F0", CultureInfo.InvariantCulture) : value.ToString("R", CultureInfo.InvariantCulture);
        var error = Refusal(record, key, text);
        if (!range.Value.Contains(value))
            Assert.EndsWith($".{key.Name}", Assert.IsType<RecipeException>(error).Where, StringComparison.Ordinal);
        else if (error is not null && Real.Contains(Plain(key)) && Math.Abs(value) is < 1e20 and > 1e-20)
            Assert.DoesNotContain($".{key.Name}", error.Where ?? "", StringComparison.Ordinal);
    }

    [Fact]
    public void What_no_type_holds_is_refused_by_its_key() => Assert.All(Numbers, number => Assert.All(
        (string[])["1e999", "-1e999", "\"1\"", "true", "[1]",
            .. Whole.Contains(Plain(number.Key)) ? ["99999999999999999999999", "1.5"] : (string[])[]],
        text => Assert.EndsWith(
            $".{number.Key.Name}", Assert.IsType<RecipeException>(Refusal(number.Record, number.Key, text)).Where,
            StringComparison.Ordinal)));

    [Theory]
    [InlineData("alignment.training.batch_size=2147483647")]
    [InlineData("alignment.training.epochs=429496730")]
    [InlineData("alignment.training.learning_rate=1e999")]
    [InlineData("alignment.adapter.alpha=0")]
    [InlineData("alignment.adapter.rank=1000000")]
    [InlineData("alignment.rule.rho=1e30")]
    [InlineData("grid={\"alignment.rule.rho\": [1, 1e30]}")]
    public void Numbers_that_overflowed_once_are_refused(string set)
    {
        var error = Assert.ThrowsAny<Core.InputException>(() => new Experiments.Grid.ExperimentGrid(
            RecipeFormat.Standard.Parse(Testing.TinyExperiment.RecipeText, "here", set),
            RecipeFormat.Standard).Trials());
        Assert.Contains(
            set.Split('=', ':')[0].Split('.', '"')[^1] is "grid" or "" ? "rho" : set.Split('=')[0].Split('.')[^1],
            error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_stage_of_more_steps_than_a_counter_holds_is_refused()
    {
        var options = new TrainingOptions { Epochs = 65536, BatchSize = 1 }.For(seed: 0);
        Assert.Equal(65536 * 32767, options.Steps(32767));
        Assert.Contains(
            "epochs", Assert.Throws<Core.InputException>(() => options.Steps(65536)).Message, StringComparison.Ordinal);
    }

    private static RecipeException? Refusal(JsonTypeInfo record, JsonPropertyInfo key, string value)
    {
        var json = JsonNode.Parse($$"""{ "{{key.Name}}": {{value}} }""")!.AsObject();
        try
        {
            new RecipeShape(RecipeFormat.Standard.Options).Require(json, record, "$");
            return null;
        }
        catch (RecipeException error) when (error.What != "a key is missing")
        {
            return error;
        }
        catch (RecipeException)
        {
            return null;
        }
    }

    private static Type Plain(JsonPropertyInfo key) => Nullable.GetUnderlyingType(key.PropertyType) ?? key.PropertyType;

    private static IEnumerable<(JsonTypeInfo, JsonPropertyInfo, NumberRange?)> Find(Type type, HashSet<Type> seen)
    {
        var shape = RecipeFormat.Standard.Options.GetTypeInfo(type);
        if (!seen.Add(type))
            yield break;
        var parts = shape.PolymorphismOptions?.DerivedTypes.Select(kind => kind.DerivedType) ?? [];
        if (shape.ElementType is { } element)
            parts = parts.Append(element);
        foreach (var key in shape.PolymorphismOptions is null
            && shape.Kind == JsonTypeInfoKind.Object ? shape.Properties.Where(each => each.Get is not null) : [])
            if (Whole.Contains(Plain(key)) || Real.Contains(Plain(key)))
                yield return (shape, key, NumberLimits.Of(type, key.Name));
            else
                parts = parts.Append(key.PropertyType);
        foreach (var part in parts.Where(part => part != typeof(JsonObject) && part != typeof(string))
            .SelectMany(part => Find(part, seen)))
            yield return part;
    }
}
