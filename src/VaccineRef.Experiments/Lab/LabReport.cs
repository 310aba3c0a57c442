using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace VaccineRef.Experiments.Lab;

/// <summary>Everything a run of the lab found: what a report is written from.</summary>
/// <param name="Grid">The preset and the seeds.</param>
/// <param name="Settings">What all cells share.</param>
/// <param name="Manifest">The data of every seed.</param>
/// <param name="Machine">Where it ran last; cells from the cache may have been computed elsewhere.</param>
/// <param name="Results">In the order of the grid's cells.</param>
public sealed record LabReport(
    LabGrid Grid, LabSettings Settings, IReadOnlyList<LabData> Manifest, LabMachine? Machine, IReadOnlyList<LabResult> Results)
{
    /// <summary>What is the same bit for bit whenever the same command runs: without times and machine.</summary>
    public LabReport WithoutTimes() => this with { Machine = null, Results = [.. Results.Select(result => result with { Times = null })] };

    /// <summary>The report as indented JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, LabJson.Default.LabReport) + "\n";
}

/// <summary>One stage's data of one seed: two runs with equal manifests saw the same text.</summary>
/// <param name="Seed">The seed.</param>
/// <param name="Stage">"base", "alignment", "harmful test", "benign test".</param>
/// <param name="Examples">How many.</param>
/// <param name="Sha256">Of prompts and answers in order, each ended by a line feed.</param>
public sealed record LabData(ulong Seed, string Stage, int Examples, string Sha256)
{
    /// <summary>Examples by their text.</summary>
    internal static LabData Of(ulong seed, string stage, IReadOnlyCollection<string> examples)
    {
        byte[] text = Encoding.UTF8.GetBytes(string.Concat(examples));
        return new(seed, stage, examples.Count, Convert.ToHexStringLower(SHA256.HashData(text)));
    }
}

/// <summary>The machine of a run.</summary>
/// <param name="Device">As on the command line.</param>
/// <param name="Workers">Cells at once.</param>
/// <param name="System">Operating system, architecture, vectors.</param>
/// <param name="Runtime">The .NET runtime.</param>
/// <param name="Program">Version and commit of the program.</param>
public sealed record LabMachine(string Device, int Workers, string System, string Runtime, string Program);

[JsonSourceGenerationOptions(
    WriteIndented = true, NewLine = "\n", PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, UseStringEnumConverter = true,
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals)]
[JsonSerializable(typeof(LabReport))]
internal sealed partial class LabJson : JsonSerializerContext;
