using System.Reflection;
using System.Runtime.CompilerServices;
using Bam.Experiments;
using Bam.Models;
using Bam.Server;
using Bam.Torch;
using Shouldly;
using Xunit;

namespace Bam.Cli.Tests.Conventions;

/// <summary>Imports inside <c>src/Bam</c> run one way, and the parts below the models work without libtorch.</summary>
public class ImportRuleTests
{
    /// <summary>What each namespace may use besides itself and the ones that its own entries may use.</summary>
    private static readonly Dictionary<string, string[]> Allowed = new()
    {
        ["Bam"] = [],
        ["Bam.Files"] = ["Bam"],
        ["Bam.Configuration"] = ["Bam.Files"],
        ["Bam.Checkpoints"] = ["Bam.Configuration", "Bam.Tokenization"],
        ["Bam.Tokenization"] = ["Bam.Files"],
        ["Bam.Data"] = ["Bam.Configuration", "Bam.Tokenization"],
        ["Bam.Models"] = ["Bam.Checkpoints", "Bam.Data", "Bam.Torch"],
        ["Bam.Upcycling"] = ["Bam.Models"],
        ["Bam.Exporting"] = ["Bam.Training"],
        ["Bam.Generation"] = ["Bam.Models"],
        ["Bam.Evaluation"] = ["Bam.Generation"],
        ["Bam.Training"] = ["Bam.Upcycling", "Bam.Evaluation"],
        ["Bam.Library"] = ["Bam.Evaluation"],
        ["Bam.Torch"] = [],
    };

    private static readonly string[] WithoutTorch = [
        "Bam.Files", "Bam.Configuration", "Bam.Checkpoints", "Bam.Tokenization", "Bam.Data", "Bam.Upcycling", "Bam.Exporting",
    ];

    private static readonly Assembly Library = typeof(InvalidInputException).Assembly;
    private static readonly Assembly Experiments = typeof(ExperimentRun).Assembly;
    private static readonly Assembly Server = typeof(ApiServer).Assembly;

    private static readonly Assembly[] Projects =
        [typeof(LibTorch).Assembly, Library, Experiments, Server, typeof(Program).Assembly];

    [Fact]
    public void Imports_run_one_way()
    {
        var faults = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var (type, used) in Uses(Library))
        {
            var from = Area(type);
            var allowed = Reachable(from);
            if (WithoutTorch.Contains(from)) allowed.Remove("Bam.Torch");
            foreach (var target in used.Where(target => !allowed.Contains(Area(target))))
                faults.Add($"{Name(type)} may not use {Name(target)}");
        }

        faults.ShouldBeEmpty();
    }

    [Fact]
    public void Mixing_uses_models_for_calibrated_routers_alone() =>
        Uses(Library).Where(use => Area(use.Type) == "Bam.Upcycling").SelectMany(use => use.Used)
            .Where(used => Area(used) == "Bam.Models")
            .Distinct().ShouldBe([typeof(RouterCalibration)]);

    [Fact]
    public void Every_namespace_has_its_place_in_the_rule() =>
        Library.GetTypes().Where(IsWritten).Select(Area).Distinct().Where(area => !Allowed.ContainsKey(area)).ShouldBeEmpty();

    [Fact]
    public void No_two_types_have_one_name() =>
        Projects.SelectMany(project => project.GetTypes())
            .Where(type => IsWritten(type) && !type.IsNested && type.Namespace!.StartsWith("Bam", StringComparison.Ordinal))
            .GroupBy(type => type.Name).Where(types => types.Count() > 1).Select(types => types.Key).ShouldBeEmpty();

    [Fact]
    public void Projects_refer_only_downwards()
    {
        References(typeof(Program).Assembly).ShouldBeSubsetOf(["Bam.Server", "Bam.Experiments", "Bam", "Bam.Torch"]);
        References(Server).ShouldBeSubsetOf(["Bam", "Bam.Torch"]);
        References(Experiments).ShouldBeSubsetOf(["Bam", "Bam.Torch"]);
        References(Library).ShouldBeSubsetOf(["Bam.Torch"]);
    }

    /// <summary>
    /// Namespaces of a project have an order. Apart from it stands the table of verbs, which names what uses it.
    /// </summary>
    [Fact]
    public void Namespaces_of_a_project_have_no_cycles()
    {
        var faults = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var project in Projects)
        {
            var uses = Uses(project).SelectMany(use => use.Used.Select(used => (From: use.Type, To: used)))
                .Where(
                    use => use.To.Assembly == project && use.From.Namespace != use.To.Namespace
                        && use.From != typeof(Program)).ToList();
            var graph = uses.ToLookup(use => use.From.Namespace!, use => use.To.Namespace!);
            foreach (var (from, to) in uses.Where(use => IsReachable(graph, use.To.Namespace!, use.From.Namespace!)))
                faults.Add($"{Name(from)} uses {Name(to)}, whose namespace uses {from.Namespace}");
        }

        faults.ShouldBeEmpty();
    }

    [Fact]
    public void Method_bodies_are_seen_too() =>
        UsedTypes.Of(typeof(ImportRuleTests)).ShouldContain(typeof(UsedTypes));

    private static bool IsReachable(ILookup<string, string> graph, string from, string to)
    {
        var (seen, open) = (new HashSet<string> { from }, new Queue<string>([from]));
        while (open.TryDequeue(out var next))
        {
            if (next == to) return true;
            foreach (var further in graph[next].Where(seen.Add)) open.Enqueue(further);
        }

        return false;
    }

    private static IEnumerable<(Type Type, IEnumerable<Type> Used)> Uses(Assembly project) =>
        from type in project.GetTypes()
        where IsWritten(type)
        select (
            type,
            UsedTypes.Of(type).Where(
                used => used.Namespace is "Bam" || used.Namespace?.StartsWith("Bam.", StringComparison.Ordinal) == true));

    private static bool IsWritten(Type type) =>
        type.Namespace is not null && !type.Namespace.EndsWith(".Generated", StringComparison.Ordinal)
            && (type.IsNested || type.GetCustomAttribute<CompilerGeneratedAttribute>() is null);

    private static HashSet<string> Reachable(string area)
    {
        var reachable = new HashSet<string> { area };
        foreach (var next in Allowed.GetValueOrDefault(area, [])) reachable.UnionWith(Reachable(next));
        return reachable;
    }

    /// <summary>The first two words of the namespace: folders below a part belong to it.</summary>
    private static string Area(Type type) => string.Join('.', type.Namespace!.Split('.').Take(2));

    private static string Name(Type type) => type.DeclaringType is { } outer ? Name(outer) : type.FullName!;

    private static IEnumerable<string> References(Assembly assembly) =>
        assembly.GetReferencedAssemblies().Select(name => name.Name!)
            .Where(name => name.StartsWith("Bam", StringComparison.Ordinal));
}
