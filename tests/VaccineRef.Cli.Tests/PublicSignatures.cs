using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace VaccineRef.Cli.Tests;

/// <summary>
/// Writes what a package promises: every member that somebody else can name, as one line in the words of C#, in an
/// order that depends on the text alone. What the compiler writes for a record is left out.
/// </summary>
internal static class PublicSignatures
{
    private const BindingFlags Declared =
        BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static
        | BindingFlags.DeclaredOnly;

    /// <summary>The lines of an assembly.</summary>
    public static IEnumerable<string> Of(Assembly assembly) =>
        assembly.GetExportedTypes().OrderBy(type => type.FullName, StringComparer.Ordinal).SelectMany(Of);

    /// <summary>The lines of one type: what it is, and its members behind two spaces.</summary>
    public static IEnumerable<string> Of(Type type) =>
        [Header(type), .. Members(type).Order(StringComparer.Ordinal).Select(line => $"  {line}")];

    private static string Header(Type type)
    {
        string name = $"{type.Namespace}.{SignatureNames.Of(type, open: true)}";
        string constraints = Constraints(type.GetGenericArguments());
        if (IsDelegate(type))
            return $"delegate {Method(type.GetMethod("Invoke")!, name)}{constraints}";
        bool isRecord = type.GetMethods(Declared).Any(method => method.Name == "PrintMembers" && IsWritten(method));
        string[] above =
        [
            .. Above(type).Select(one => SignatureNames.Of(one))
                .Where(one => !isRecord || !one.StartsWith("IEquatable<", StringComparison.Ordinal)),
        ];
        string inherits = above.Length == 0 ? "" : $" : {string.Join(", ", above)}";
        return $"{Kind(type, isRecord)} {name}{inherits}{constraints}";
    }

    private static string Kind(Type type, bool isRecord)
    {
        if (type.IsEnum)
            return "enum";
        if (type.IsInterface)
            return "interface";
        if (type.IsValueType)
        {
            string isReadOnly = type.IsDefined(typeof(IsReadOnlyAttribute)) ? "readonly " : "";
            return $"{isReadOnly}{(type.IsByRefLike ? "ref " : "")}{(isRecord ? "record " : "")}struct";
        }

        string open = type.IsAbstract ? type.IsSealed ? "static " : "abstract " : type.IsSealed ? "sealed " : "";
        return $"{open}{(isRecord ? "record" : "class")}";
    }

    /// <summary>The base and the interfaces that the type itself names.</summary>
    private static Type[] Above(Type type)
    {
        if (type.IsEnum)
            return [Enum.GetUnderlyingType(type)];
        if (type.IsValueType || type.BaseType is not { } parent)
            return type.GetInterfaces();
        var interfaces = type.GetInterfaces().Except(parent.GetInterfaces());
        return [.. parent == typeof(object) ? (Type[])[] : [parent], .. interfaces];
    }

    private static IEnumerable<string> Members(Type type)
    {
        if (IsDelegate(type))
            return [];
        if (type.IsEnum)
            return type.GetFields(BindingFlags.Public | BindingFlags.Static)
                .Select(field => $"{field.Name} = {Value(field.GetRawConstantValue())}");
        var methods = type.GetMethods(Declared).Where(method => IsVisible(method) && !IsWritten(method)).ToArray();
        return
        [
            .. type.GetFields(Declared).Where(field => field.IsPublic || field.IsFamily || field.IsFamilyOrAssembly)
                .Select(Field),
            .. type.GetProperties(Declared).Where(one => one.GetAccessors(true).Any(IsVisible) && !IsWritten(one))
                .Select(Property),
            .. type.GetConstructors(Declared).Where(IsVisible)
                .Select(made => $"{Access(made)}{SignatureNames.Plain(type)}({Parameters(made)})"),
            .. methods.Where(method => !method.IsSpecialName || method.Name.StartsWith("op_", StringComparison.Ordinal))
                .Select(method => Method(method, method.Name)),
            .. type.GetEvents(Declared).Where(one => IsVisible(one.AddMethod!))
                .Select(one => $"{Access(one.AddMethod!)}event {SignatureNames.Of(one.EventHandlerType!)} {one.Name}"),
        ];
    }

    private static string Field(FieldInfo field)
    {
        string open = field.IsPublic ? "" : "protected ", isStatic = field.IsStatic ? "static " : "";
        string kind = field.IsLiteral ? "const " : $"{isStatic}{(field.IsInitOnly ? "readonly " : "")}";
        string value = field.IsLiteral ? $" = {Value(field.GetRawConstantValue())}" : "";
        string type = SignatureNames.Of(new NullabilityInfoContext().Create(field));
        return $"{open}{kind}{type} {field.Name}{value}";
    }

    private static string Property(PropertyInfo property)
    {
        var first = property.GetAccessors(true).First(IsVisible);
        var known = new NullabilityInfoContext().Create(property);
        string type = SignatureNames.Of(known, written: property.GetMethod is null);
        var index = property.GetIndexParameters();
        string name = index.Length > 0 ? $"this[{string.Join(", ", index.Select(Parameter))}]" : property.Name;
        var modifiers = property.SetMethod?.ReturnParameter.GetRequiredCustomModifiers() ?? [];
        bool isInit = modifiers.Contains(typeof(IsExternalInit));
        string get = property.GetMethod is { } read && IsVisible(read) ? "get; " : "";
        string set = property.SetMethod is { } write && IsVisible(write) ? isInit ? "init; " : "set; " : "";
        string required = property.IsDefined(typeof(RequiredMemberAttribute)) ? "required " : "";
        return $"{Access(first)}{required}{Modifiers(first)}{type} {name} {{ {get}{set}}}";
    }

    private static string Method(MethodInfo method, string name)
    {
        Type[] arguments = method.IsGenericMethod ? method.GetGenericArguments() : [];
        string names = string.Join(", ", arguments.Select(argument => argument.Name));
        string generic = arguments.Length == 0 ? "" : $"<{names}>";
        string returned = SignatureNames.Of(new NullabilityInfoContext().Create(method.ReturnParameter));
        string parameters = $"{(method.IsDefined(typeof(ExtensionAttribute)) ? "this " : "")}{Parameters(method)}";
        return $"{Access(method)}{Modifiers(method)}{returned} {name}{generic}({parameters}){Constraints(arguments)}";
    }

    private static string Parameters(MethodBase method) => string.Join(", ", method.GetParameters().Select(Parameter));

    private static string Parameter(ParameterInfo parameter)
    {
        Type[] marks = [typeof(ParamArrayAttribute), typeof(ParamCollectionAttribute)];
        string isParams = marks.Any(mark => parameter.IsDefined(mark)) ? "params " : "";
        string way = parameter.IsOut ? "out " : parameter.IsIn ? "in "
            : parameter.ParameterType.IsByRef ? "ref " : isParams;
        string type = SignatureNames.Of(new NullabilityInfoContext().Create(parameter), written: true);
        string otherwise = parameter.HasDefaultValue ? $" = {Value(parameter.DefaultValue)}" : "";
        return $"{way}{type} {parameter.Name}{otherwise}";
    }

    private static string Value(object? value) => value switch
    {
        null => "default",
        string text => $"\"{text}\"",
        bool flag => flag ? "true" : "false",
        Enum member => $"{member.GetType().Name}.{member}",
        _ => Convert.ToString(value, CultureInfo.InvariantCulture)!,
    };

    private static string Constraints(Type[] arguments) => string.Concat(arguments
        .Where(argument => argument.IsGenericParameter)
        .Select(argument => (argument.Name, Needs: string.Join(", ", Needs(argument))))
        .Where(argument => argument.Needs.Length > 0).Select(argument => $" where {argument.Name} : {argument.Needs}"));

    private static IEnumerable<string> Needs(Type argument)
    {
        var needs = argument.GenericParameterAttributes;
        bool isStruct = needs.HasFlag(GenericParameterAttributes.NotNullableValueTypeConstraint);
        if (isStruct)
            yield return argument.GetCustomAttributes().Any(IsUnmanaged) ? "unmanaged" : "struct";
        if (needs.HasFlag(GenericParameterAttributes.ReferenceTypeConstraint))
            yield return "class";
        foreach (var one in argument.GetGenericParameterConstraints().Where(one => one != typeof(ValueType)))
            yield return SignatureNames.Of(one);
        if (!isStruct && needs.HasFlag(GenericParameterAttributes.DefaultConstructorConstraint))
            yield return "new()";
    }

    private static bool IsUnmanaged(Attribute mark) => mark.GetType().Name == "IsUnmanagedAttribute";

    private static string Modifiers(MethodInfo method)
    {
        if (method.IsStatic)
            return method.IsAbstract ? "static abstract " : "static ";
        if (method.DeclaringType!.IsInterface)
            return method.IsAbstract ? "" : "virtual ";
        if (method.IsAbstract)
            return "abstract ";
        if (method.GetBaseDefinition() != method)
            return method.IsFinal ? "sealed override " : "override ";
        return method.IsVirtual && !method.IsFinal ? "virtual " : "";
    }

    private static string Access(MethodBase method) => method.IsPublic ? "" : "protected ";

    private static bool IsDelegate(Type type) => typeof(Delegate).IsAssignableFrom(type);

    private static bool IsVisible(MethodBase method) => method.IsPublic || method.IsFamily || method.IsFamilyOrAssembly;

    private static bool IsWritten(MemberInfo member) => member.IsDefined(typeof(CompilerGeneratedAttribute));
}
