using System.Reflection;
using System.Text;
using Shouldly;
using Xunit;

namespace Bam.Tests;

/// <summary>
/// The public surface, one paragraph a type. After a deliberate change run the tests with BAM_APPROVE=1, review the difference of
/// PublicApi.approved.txt, and commit it.
/// </summary>
public sealed class PublicApiTests
{
    private const int MaxWidth = 130;
    private const string Indent = "   ";
    private const string Approved = "tests/Bam.Library.Tests/PublicApi.approved.txt";

    private static readonly Dictionary<Type, string> Keywords = new()
    {
        [typeof(void)] = "void", [typeof(string)] = "string", [typeof(bool)] = "bool", [typeof(int)] = "int",
        [typeof(long)] = "long", [typeof(float)] = "float", [typeof(double)] = "double",
    };

    [Fact]
    public void The_public_surface_is_the_approved_one()
    {
        var assemblies = new[] { typeof(IReporter).Assembly, Assembly.Load("Bam.Torch"), Assembly.Load("Bam.Experiments") };
        var api = string.Join('\n', assemblies.SelectMany(assembly => assembly.GetExportedTypes())
            .OrderBy(type => type.FullName, StringComparer.Ordinal).Select(Describe));

        if (Environment.GetEnvironmentVariable("BAM_APPROVE") == "1") File.WriteAllText(Clone.PathOf(Approved), api);
        api.ShouldBe(File.ReadAllText(Clone.PathOf(Approved)));
    }

    private static string Describe(Type type)
    {
        var text = new StringBuilder($"{type.FullName}\n");
        var line = new StringBuilder(Indent);
        foreach (var member in Members(type).Distinct().Order(StringComparer.Ordinal))
        {
            if (line.Length > Indent.Length && line.Length + member.Length + 2 > MaxWidth)
            {
                text.Append(line).Append('\n');
                line.Clear().Append(Indent);
            }

            line.Append(' ').Append(member).Append(';');
        }

        return text.Append(line).Append('\n').ToString();
    }

    private static IEnumerable<string> Members(Type type)
    {
        if (type.IsEnum) return Enum.GetNames(type);
        const BindingFlags declared =
            BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;
        var isRecord = type.GetMethod("<Clone>$") is not null;
        return
        [
            .. type.GetConstructors().Where(constructor => !isRecord || constructor.GetParameters().Length > 1)
                .Select(constructor => $"new({Parameters(constructor)})"),
            .. type.GetProperties(declared).Select(property => $"{property.Name}: {Name(property.PropertyType)}"),
            .. type.GetMethods(declared).Where(method => !method.IsSpecialName && !(isRecord && IsOfRecord(method)))
                .Select(method => $"{method.Name}({Parameters(method)}): {Name(method.ReturnType)}"),
        ];
    }

    private static bool IsOfRecord(MethodInfo method) =>
        method.Name is "ToString" or "GetHashCode" or "Equals" or "Deconstruct" or "<Clone>$";

    private static string Parameters(MethodBase method) =>
        string.Join(", ", method.GetParameters().Select(parameter => $"{Name(parameter.ParameterType)} {parameter.Name}"));

    private static string Name(Type type)
    {
        if (Nullable.GetUnderlyingType(type) is { } value) return $"{Name(value)}?";
        if (type.IsArray) return $"{Name(type.GetElementType()!)}[]";
        if (!type.IsGenericType) return Keywords.GetValueOrDefault(type, type.Name);
        return $"{type.Name[..type.Name.IndexOf('`')]}<{string.Join(", ", type.GetGenericArguments().Select(Name))}>";
    }
}
