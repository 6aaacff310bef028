using Shouldly;
using Xunit;

namespace Bam.Cli.Tests.Conventions;

/// <summary>What every source file and every page of the documentation keeps to.</summary>
public sealed class SourceFileTests
{
    private const int MaxColumns = 130;
    private const int MaxLines = 400;

    private static readonly string[] SourceFolders = ["src", "tests", "bench"];
    // Not those of recipes: a finished phase is found again by the bytes of its script.
    private static readonly string[] ScriptFolders = ["src", "tests", "bench", "eng"];
    private static readonly string[] Commands = ["bam", "test"];
    private static readonly string[] Documents = ["README.md", "CONTRIBUTING.md", "docs", "bench", "recipes"];

    [Fact]
    public void Lines_of_source_have_at_most_130_columns() =>
        TooWide(SourceFolders.SelectMany(Sources), _ => false).ShouldBeEmpty();

    [Fact]
    public void Lines_of_scripts_have_at_most_130_columns() =>
        TooWide([.. ScriptFolders.SelectMany(Scripts), .. Commands.Select(name => RepositoryRoot.PathOf(name))], _ => false)
            .ShouldBeEmpty();

    [Fact]
    public void Lines_of_prose_have_at_most_130_columns() =>
        TooWide(Documents.SelectMany(Pages), CannotBeBroken).ShouldBeEmpty();

    [Fact]
    public void Files_of_source_have_at_most_400_lines() =>
        Sources("src").Concat(Sources("tests")).Where(path => File.ReadLines(path).Count() > MaxLines).Select(Relative)
            .ShouldBeEmpty();

    private static IEnumerable<string> TooWide(IEnumerable<string> paths, Func<string, bool> isExempt)
    {
        foreach (var path in paths)
        {
            var isCode = false;
            foreach (var (i, line) in File.ReadLines(path).Index())
            {
                if (line.StartsWith("```", StringComparison.Ordinal)) isCode = !isCode;
                if (line.Length <= MaxColumns || isCode || isExempt(line)) continue;
                yield return $"{Relative(path)}:{i + 1}: {line.Length} columns";
            }
        }
    }

    private static bool CannotBeBroken(string line) =>
        line.StartsWith('|') || line.Contains("](http", StringComparison.Ordinal) || !line.TrimEnd().Contains(' ');

    private static IEnumerable<string> Sources(string folder) => Files(RepositoryRoot.PathOf(folder), "*.cs");

    private static IEnumerable<string> Scripts(string folder) =>
        Files(RepositoryRoot.PathOf(folder), "*.py").Concat(Files(RepositoryRoot.PathOf(folder), "*.sh"));

    // Results are written by programs.
    private static IEnumerable<string> Pages(string name) => RepositoryRoot.PathOf(name) is var path && File.Exists(path)
        ? [path]
        : Files(path, "*.md").Where(page => !page.Contains("/bench/results/", StringComparison.Ordinal));

    private static IEnumerable<string> Files(string folder, string pattern) => Directory
        .EnumerateFiles(folder, pattern, SearchOption.AllDirectories)
        .Where(path => !path.Contains("/obj/", StringComparison.Ordinal) && !path.Contains("/bin/", StringComparison.Ordinal));

    private static string Relative(string path) => Path.GetRelativePath(RepositoryRoot.Directory, path);
}
