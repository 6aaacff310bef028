using System.Diagnostics;
using System.Globalization;

namespace Bam.Fuzz;

/// <summary>
/// Runs cases of one kind in this process and writes a line before and after each, so that whoever reads them knows which one
/// ended it.
/// </summary>
internal static class Worker
{
    public const string Begin = ">";
    public const string End = "<";

    public static void Run(Kind kind, long from, long count, Workspace workspace, TextWriter protocol)
    {
        Console.SetOut(TextWriter.Null);
        for (var seed = from; seed < from + count; seed++)
        {
            Say($"{Begin} {seed}");
            var clock = Stopwatch.StartNew();
            var verdict = kind.Run(workspace, seed);
            Say(string.Create(
                CultureInfo.InvariantCulture, $"{End} {verdict.Outcome} {clock.ElapsedMilliseconds} {verdict.Message}"));
        }

        void Say(string line)
        {
            protocol.WriteLine(line);
            protocol.Flush();
        }
    }
}
