using System.Text;
using System.Text.RegularExpressions;
using Shouldly;
using Xunit;

namespace Bam.Tests;

/// <summary>docs/library.md quotes the regions of Examples.cs.</summary>
public sealed partial class LibraryDocumentTests
{
    [Fact]
    public void The_document_quotes_every_example_to_the_letter()
    {
        var regions = Regions(File.ReadAllText(Clone.PathOf("tests/Bam.Library.Tests/Examples.cs")));
        var page = File.ReadAllText(Clone.PathOf("docs/library.md"));
        var blocks = CodeBlock().Matches(page).Select(match => match.Groups[1].Value.Trim());

        blocks.ShouldBe(regions.Values, ignoreOrder: true);
    }

    private static Dictionary<string, string> Regions(string source)
    {
        var regions = new Dictionary<string, StringBuilder>();
        string? open = null;
        foreach (var line in source.Split('\n'))
        {
            if (line.TrimStart().StartsWith("#region ", StringComparison.Ordinal)) open = line.Trim()["#region ".Length..];
            else if (line.Trim() == "#endregion") open = null;
            else if (open is not null)
                (regions.TryGetValue(open, out var text) ? text : regions[open] = new()).AppendLine(line);
        }

        return regions.ToDictionary(region => region.Key, region => Unindented(region.Value.ToString()));
    }

    private static string Unindented(string text)
    {
        var lines = text.TrimEnd().Split('\n');
        var indent = lines.Where(line => line.Length > 0).Min(line => line.Length - line.TrimStart().Length);
        return string.Join('\n', lines.Select(line => line.Length == 0 ? line : line[indent..])).Trim();
    }

    [GeneratedRegex("```csharp\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex CodeBlock();
}
