using System.Reflection;

namespace VaccineRef.Cli.Tests;

/// <summary>Types as C# writes them: keywords, arguments, tuples, and a question mark where null may be.</summary>
internal static class SignatureNames
{
    private static readonly Dictionary<Type, string> Keywords = new()
    {
        [typeof(void)] = "void",
        [typeof(object)] = "object",
        [typeof(string)] = "string",
        [typeof(bool)] = "bool",
        [typeof(byte)] = "byte",
        [typeof(sbyte)] = "sbyte",
        [typeof(short)] = "short",
        [typeof(ushort)] = "ushort",
        [typeof(int)] = "int",
        [typeof(uint)] = "uint",
        [typeof(long)] = "long",
        [typeof(ulong)] = "ulong",
        [typeof(nint)] = "nint",
        [typeof(nuint)] = "nuint",
        [typeof(char)] = "char",
        [typeof(float)] = "float",
        [typeof(double)] = "double",
        [typeof(decimal)] = "decimal",
    };

    /// <summary>A type without what is known of null.</summary>
    /// <param name="type">The type.</param>
    /// <param name="open">Whether its own parameters are named, as where it is declared.</param>
    public static string Of(Type type, bool open = false) => Of(type, argument => Of(argument), open);

    /// <summary>A type with question marks.</summary>
    /// <param name="known">What is known of null.</param>
    /// <param name="written">Whether values go in, as into a parameter, and not out.</param>
    public static string Of(NullabilityInfo known, bool written = false)
    {
        bool mayBeNull = (written ? known.WriteState : known.ReadState) == NullabilityState.Nullable
            && !known.Type.IsValueType;
        var inner = known.GenericTypeArguments;
        int next = 0;
        string name = known.ElementType is { } element
            ? $"{Of(element, written)}[]"
            : Of(known.Type, argument => next < inner.Length ? Of(inner[next++], written) : Of(argument));
        return mayBeNull ? $"{name}?" : name;
    }

    /// <summary>The name alone, without the number of its parameters.</summary>
    public static string Plain(Type type) => type.Name.Split('`')[0];

    private static string Of(Type type, Func<Type, string> argument, bool open = false)
    {
        if (Keywords.TryGetValue(type, out string? keyword))
            return keyword;
        if (type.IsByRef)
            return Of(type.GetElementType()!, argument);
        if (type.IsPointer)
            return $"{argument(type.GetElementType()!)}*";
        if (type.IsArray)
            return $"{argument(type.GetElementType()!)}[]";
        if (Nullable.GetUnderlyingType(type) is { } value)
            return $"{Of(value)}?";
        string outer = type.IsNested && !type.IsGenericParameter ? $"{Of(type.DeclaringType!, open: true)}." : "";
        int all = type.GetGenericArguments().Length,
            own = all - (type.DeclaringType?.GetGenericArguments().Length ?? 0);
        if (!type.IsGenericType || own == 0)
            return outer + Plain(type);
        string arguments = string.Join(
            ", ", type.GetGenericArguments()[^own..].Select(open ? one => one.Name : argument));
        bool isTuple = type is { Namespace: "System", IsNested: false } && Plain(type) == nameof(ValueTuple);
        return isTuple ? $"({arguments})" : $"{outer}{Plain(type)}<{arguments}>";
    }
}
