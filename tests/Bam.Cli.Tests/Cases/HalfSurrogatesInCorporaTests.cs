using Shouldly;
using Xunit;

namespace Bam.Cli.Tests.Cases;

public sealed class HalfSurrogatesInCorporaTests : IDisposable
{
    private readonly CaseFiles files = new("half-surrogates-in-json");

    public void Dispose() => files.Dispose();

    [Fact]
    public void Other_keys_of_a_line_do_not_matter() => Train().Status.ShouldBe(0);

    [Fact]
    public void Text_with_half_a_pair_is_refused_by_its_line()
    {
        File.AppendAllText(files["lines.jsonl"], "{\"text\": \"half \\ud83d a pair\"}\n");

        var run = Train();
        run.Status.ShouldBe(2);
        run.Error.ShouldEndWith(
            $"bam: {files["lines.jsonl"]}:3, field \"text\": expected text, found half a surrogate pair (\\ud800 to \\udfff); "
            + "mend the line or take it out, "
            + "or read past it with --skip-bad-lines 1 (skip_bad_lines in a recipe)\n");
    }

    [Fact]
    public void A_line_without_the_field_names_its_keys_as_they_are_written()
    {
        var run = CommandLineRun.Of(
            "tokenizer", "train", files["lines.jsonl"], "--text-key", "body", "--vocab-size", "300", "--output", files["t.json"]);

        run.Status.ShouldBe(2);
        run.Error.ShouldContain("expected the field \"body\", found only \"text\", \"\\udc00x\"");
    }

    private CommandLineRun Train() =>
        CommandLineRun.Of("tokenizer", "train", files["lines.jsonl"], "--vocab-size", "300", "--output", files["t.json"]);
}
