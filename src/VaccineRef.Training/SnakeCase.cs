using System.Text.Json;
using System.Text.Json.Serialization;

namespace VaccineRef.Training;

/// <summary>Writes the values of an enumeration as snake_case words, and refuses numbers in their place.</summary>
public sealed class SnakeCase<TEnum>()
    : JsonStringEnumConverter<TEnum>(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false)
    where TEnum : struct, Enum;

/// <summary>Values of an enumeration as recipes write them.</summary>
internal static class SnakeCase
{
    /// <summary>The snake_case word of a value.</summary>
    public static string Of<TEnum>(TEnum value)
        where TEnum : struct, Enum => JsonNamingPolicy.SnakeCaseLower.ConvertName($"{value}");
}
