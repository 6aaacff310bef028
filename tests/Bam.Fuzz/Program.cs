using System.Globalization;
using Bam.Fuzz.Kinds;

namespace Bam.Fuzz;

/// <summary>
/// Makes inputs by changing valid ones and runs the command line on them: each is either accepted or refused by one line that
/// names a place.
/// <code>
/// dotnet run --project tests/Bam.Fuzz -c Release -- --count 300000      all kinds, by their shares
/// dotnet run --project tests/Bam.Fuzz -c Release -- --kind config,tokenizer   some kinds
/// dotnet run --project tests/Bam.Fuzz -c Release -- --kind config --seed 7   one case, in this process
/// </code>
/// </summary>
internal static class Program
{
    public const string WorkerWord = "worker";

    private const long LongestRange = 2000;

    private static int Main(string[] arguments)
    {
        if (arguments is [WorkerWord, var name, var first, var number, var directory])
        {
            using var protocol = new StreamWriter(Console.OpenStandardOutput());
            using var workspace = new Workspace(directory);
            Worker.Run(KindOf(name), Parse(first), Parse(number), workspace, protocol);
            return 0;
        }

        var options = arguments.Chunk(2).ToDictionary(pair => pair[0], pair => pair.ElementAtOrDefault(1) ?? "");
        var unknown = options.Keys.FirstOrDefault(key =>
            key is not ("--kind" or "--seed" or "--from" or "--count" or "--workers" or "--patience"));
        if (unknown is not null)
        {
            Console.Error.WriteLine(
                $"unknown option '{unknown}'; " +
                "known are --kind K, --seed S, --from S, --count N, --workers W and --patience SECONDS");
            return 2;
        }

        IReadOnlyList<Kind> kinds =
            options.TryGetValue("--kind", out var only) ? [.. only.Split(',').Select(KindOf)] : AllKinds.List;
        if (!options.TryGetValue("--seed", out var seed)) return RunMany(kinds, options);
        if (kinds is [var one]) return ShowOne(one, Parse(seed));
        Console.Error.WriteLine("--seed shows one case: name one kind by --kind");
        return 2;
    }

    private static int ShowOne(Kind kind, long seed)
    {
        using var workspace = new Workspace(Workspace.NewDirectory());
        Console.WriteLine($"bam {kind.Describe(workspace, seed)}");
        var verdict = kind.Run(workspace, seed);
        Console.WriteLine($"{verdict.Outcome}: {verdict.Message.Replace(" ⏎ ", "\n", StringComparison.Ordinal)}");
        return verdict.Outcome == Outcome.Fault ? 1 : 0;
    }

    private static int RunMany(IReadOnlyList<Kind> kinds, Dictionary<string, string> options)
    {
        var (count, from) = (Number("--count", 1000L * kinds.Count), Number("--from", 0));
        var shares = kinds.Sum(kind => kind.Share);
        var ranges = kinds.SelectMany(kind => Ranges(kind, from, (count * kind.Share + shares - 1) / shares)).ToList();
        var supervisor = new Supervisor(TimeSpan.FromSeconds(Number("--patience", 5)));
        var tallies = supervisor.Run(ranges, (int)Number("--workers", Environment.ProcessorCount));
        var sum = new Tally(new("all", 0, (_, _) => []));
        Console.WriteLine(Tally.Header);
        foreach (var tally in tallies)
        {
            Console.WriteLine(tally);
            sum.Add(tally);
        }

        Console.WriteLine(sum);
        return sum.Failures == 0 ? 0 : 1;

        long Number(string option, long otherwise) => options.TryGetValue(option, out var text) ? Parse(text) : otherwise;
    }

    private static long Parse(string number) => long.Parse(number, CultureInfo.InvariantCulture);

    private static IEnumerable<(Kind Kind, long From, long Count)> Ranges(Kind kind, long from, long count)
    {
        for (var done = 0L; done < count; done += LongestRange)
            yield return (kind, from + done, Math.Min(LongestRange, count - done));
    }

    private static Kind KindOf(string name) =>
        AllKinds.List.FirstOrDefault(kind => kind.Name == name)
        ?? throw new ArgumentException(
            $"no kind '{name}'; known are {string.Join(", ", AllKinds.List.Select(kind => kind.Name))}");
}
