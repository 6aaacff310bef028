using System.Text;
using System.Text.Json;
using Bam.Tokenization.Chat;
using Shouldly;
using Xunit;

namespace Bam.Tests.Tokenization.Chat;

/// <summary>
/// What Jinja2 makes of one construct each, with the settings of transformers; <c>eng/make-fixtures/chat-constructs.py</c> wrote
/// the results.
/// </summary>
public class TemplateConstructTests
{
    private const int FewestEntries = 250;
    private const char Opening = '\uE000', Closing = '\uE001';

    private static readonly DateTimeOffset Now = new(2026, 11, 30, 9, 5, 7, TimeSpan.Zero);

    [Fact]
    public void Every_construct_means_what_it_means_in_jinja2()
    {
        var entries = JsonElement.Parse(File.ReadAllBytes(Fixtures.Chat("constructs.json"))).EnumerateArray().ToList();
        entries.Count.ShouldBeGreaterThan(FewestEntries);
        var faults = entries.Select(FaultOf).Where(fault => fault is not null).ToList();
        faults.ShouldBeEmpty(string.Join('\n', faults));
    }

    private static string? FaultOf(JsonElement entry)
    {
        var source = entry.GetProperty("template").GetString()!;
        var fails = entry.TryGetProperty("fails", out _);
        var members = entry.TryGetProperty("variables", out var variables)
            ? variables.EnumerateObject().Select(member => (member.Name, member.Value))
            : [];
        RenderedChat rendered;
        try
        {
            var text = new JinjaEngine(source, "t").Render(JinjaValues.Object(members), Opening, Closing, Now, "t");
            rendered = RenderedChat.Of(text, Opening, Closing);
        }
        catch (InvalidInputException e)
        {
            return fails ? null : $"{source}\n  {e.Message}";
        }

        if (fails) return $"{source}\n  renders {rendered.Text}, which Jinja2 refuses";
        var expected = entry.GetProperty("text").GetString()!;
        // Python counts code points.
        var ranges = string.Join(',', rendered.Generated.Select(range =>
            $"[{Letters(rendered.Text, range.Start)},{Letters(rendered.Text, range.End)}]"));
        var expectedRanges = entry.TryGetProperty("generated", out var generated)
            ? string.Join(
                ',',
                generated.EnumerateArray().Where(IsNotEmpty)
                    .Select(range => range.GetRawText().Replace(" ", "", StringComparison.Ordinal)))
            : "";
        return rendered.Text == expected && ranges == expectedRanges
            ? null
            : $"{source}\n  expected {expected} {expectedRanges}\n  rendered {rendered.Text} {ranges}";
    }

    private static bool IsNotEmpty(JsonElement range) => range[0].GetInt32() < range[1].GetInt32();

    private static int Letters(string text, Index end) => text.AsSpan(0, end.Value).EnumerateRunes().Count();
}

file static class RuneCounting
{
    public static int Count(this SpanRuneEnumerator runes)
    {
        var count = 0;
        foreach (var _ in runes) count++;
        return count;
    }
}
