namespace VaccineRef.Models;

/// <summary>
/// Wrappers such as torch's DataParallel ("module.") and compile ("_orig_mod.") and PEFT ("base_model.model.") put
/// their name in front of every tensor's. This finds what stands in front.
/// </summary>
internal static class NamePrefix
{
    /// <summary>
    /// What turns most of the names that are missed into names that are there, if put in front of them; null where
    /// nothing does.
    /// </summary>
    public static string? Find(IReadOnlyCollection<string> missing, IReadOnlyCollection<string> there)
    {
        var wanted = missing.ToHashSet();
        var best = there.SelectMany(name => Fronts(name).Where(front => wanted.Contains(name[front.Length..])))
            .GroupBy(front => front).MaxBy(group => group.Count());
        return best is not null && 2 * best.Count() > missing.Count ? best.Key : null;
    }

    // All beginnings of a name that end with a dot.
    private static IEnumerable<string> Fronts(string name)
    {
        for (int dot = name.IndexOf('.'); dot >= 0; dot = name.IndexOf('.', dot + 1))
            yield return name[..(dot + 1)];
    }
}
