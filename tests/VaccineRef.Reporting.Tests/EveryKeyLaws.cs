using System.Text.Json.Serialization.Metadata;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Training;

namespace VaccineRef.Reporting.Tests;

/// <summary>
/// A key of a recipe that is read and forgotten is one kind of defect. The keys are those that the program's own JSON
/// types have, but for the settings of gradient rules, which have a law of their own. For each of them
/// <see cref="KeyProbes"/> names two recipes that differ in it alone, and what comes of them differs too, without names
/// and hashes, in which every key would show; or one of the two is refused, and the message says why. A key that is new
/// has no such case, and is red.
/// </summary>
public sealed class EveryKeyLaws(KeyPlaces places) : IClassFixture<KeyPlaces>
{
    private static readonly ILookup<string, string> Known = Keys(RecipeFormat.Standard.Options.GetTypeInfo(typeof(Recipe)), []).Distinct()
        .ToLookup(key => key.Owner, key => key.Key);

    public static TheoryData<string> Owners => [.. Known.Select(owner => owner.Key)];

    [Theory]
    [MemberData(nameof(Owners))]
    public void Every_key_does_something(string owner)
    {
        var probes = KeyProbes.All.Where(probe => probe.Owner == owner).ToArray();
        var cases = probes.Select(probe => probe.Key)
            .Concat(KeyProbes.Elsewhere.Where(each => each.Owner == owner).Select(each => each.Key));
        Assert.Equal(Known[owner].Order(StringComparer.Ordinal), cases.Distinct().Order(StringComparer.Ordinal));
        string[] faults = [.. probes.AsParallel().Select(Fault).OfType<string>()];
        Assert.True(faults.Length == 0, string.Join('\n', faults));
    }

    [Fact]
    public void No_case_is_of_a_key_that_is_gone() => Assert.All(
        KeyProbes.All.Select(probe => (probe.Owner, probe.Key))
            .Concat(KeyProbes.Elsewhere.Select(each => (each.Owner, each.Key))),
        key => Assert.Contains(key.Key, Known[key.Owner]));

    /// <summary>Otherwise any difference would do.</summary>
    [Fact]
    public void The_same_recipe_gives_the_same_again()
    {
        using var other = new KeyPlaces();
        foreach (var each in KeyProbes.All.Where(probe => probe.Refusal is null)
            .DistinctBy(probe => (probe.Basis, probe.Look)))
            Assert.Equal(places.See(each.Basis, each.Other, each.Look).Replace(
                places.Folder, "", StringComparison.Ordinal),
                other.See(each.Basis, each.Other, each.Look).Replace(other.Folder, "", StringComparison.Ordinal));
    }

    /// <summary>What is wrong with a case; null if the key does something.</summary>
    private string? Fault(KeyProbe probe)
    {
        string one = places.See(probe.Basis, probe.One, probe.Look),
            other = places.See(probe.Basis, probe.Other, probe.Look);
        string[] refused =
            [.. new[] { one, other }.Where(seen => seen.StartsWith(KeyPlaces.Refused, StringComparison.Ordinal))];
        if (refused.Any(seen => probe.Refusal is null || !seen.Contains(probe.Refusal, StringComparison.Ordinal)))
            return $"{probe.Owner}.{probe.Key}: {string.Join("; ", refused)}";
        return one == other
            ? $"{probe.Owner}.{probe.Key} is read and changes nothing: [{probe.One}] against [{probe.Other}]"
            : null;
    }

    private static IEnumerable<(string Owner, string Key)> Keys(JsonTypeInfo info, HashSet<Type> seen)
    {
        var type = Nullable.GetUnderlyingType(info.Type) ?? info.Type;
        if (!seen.Add(type) || type == typeof(RuleOptions))
            yield break;
        if (info.ElementType is { } element)
        {
            foreach (var key in Keys(info.Options.GetTypeInfo(element), seen))
                yield return key;
        }
        else if (info.PolymorphismOptions is { } family)
        {
            foreach (var kind in family.DerivedTypes)
                foreach (var key in Keys(info.Options.GetTypeInfo(kind.DerivedType), seen)
                    .Prepend((type.Name, $"kind={kind.TypeDiscriminator}")))
                    yield return key;
        }
        else if (info.Kind == JsonTypeInfoKind.Object)
        {
            foreach (var property in info.Properties.Where(property => property.Get is not null))
                foreach (var key in Keys(info.Options.GetTypeInfo(property.PropertyType), seen)
                    .Prepend((type.Name, property.Name)))
                    yield return key;
        }
    }
}
