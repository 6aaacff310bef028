using System.Text.Json.Nodes;
using Bam.Data;
using Bam.Data.Building;
using Bam.Data.Text;
using Bam.Tests.Tokenization;
using Bam.Tokenization;
using Shouldly;
using Xunit;

namespace Bam.Tests.Data;

public sealed class TextEncoderTests : IDisposable
{
    private const int EndOfText = TinyTokenizer.FirstAdded;
    private const int Begin = EndOfText + 1;

    private readonly TemporaryDirectory directory = new();

    public void Dispose() => directory.Dispose();

    [Theory]
    [InlineData(0, null, BeginOfText.None)]
    [InlineData(1, null, BeginOfText.Document)]
    [InlineData(2, null, BeginOfText.Document)]
    [InlineData(1, BeginOfText.None, BeginOfText.None)]
    [InlineData(1, BeginOfText.Window, BeginOfText.Window)]
    internal void Begin_tokens_stand_where_the_user_says_or_the_template_puts_them(
        int templateTokens, BeginOfText? asked, BeginOfText expected)
    {
        var encoder = TextEncoder.Of(WithTemplate(templateTokens), "t.json", asked);

        encoder.Bos.ShouldBe(expected);
        encoder.Document("a").ShouldBe([.. expected == BeginOfText.Document ? Ids(templateTokens) : [], 'a', EndOfText]);
    }

    [Theory]
    [InlineData(
        0, BeginOfText.Document,
        "t.json: expected a post_processor that puts a begin token before a text, for bos, found none that does; leave bos "
            + "out, or say none")]
    [InlineData(
        2, BeginOfText.Window,
        "t.json: expected one begin token, for windows that begin with it, found 2; say document or none for bos")]
    internal void Begin_tokens_that_the_tokenizer_does_not_have_are_refused(
        int templateTokens, BeginOfText asked, string message) =>
        Should.Throw<InvalidInputException>(() => TextEncoder.Of(WithTemplate(templateTokens), "t.json", asked)).Message
            .ShouldBe(message);

    [Theory]
    [InlineData(BeginOfText.Document)]
    [InlineData(BeginOfText.Window)]
    internal void A_build_records_its_begin_tokens_and_its_text_comes_back_without_them(BeginOfText bos)
    {
        var tokenizer = WithTemplate(1);
        var texts = new[] { "one text", "another" };
        HeldOutBuilder.Build(
            texts.Select((text, i) => new TextDocument(new DocumentOrigin("t.txt", i), text.AsMemory(), Group: null)),
            new() { Output = directory["probe"], Name = "probe", Encoder = TextEncoder.Of(tokenizer, "t.json", bos) },
            CancellationToken.None);

        var report = DataBuildReport.Load(directory["probe"]);
        report.Bos.ShouldBe(bos);
        report.BeginOfTextIds.ShouldBe([Begin]);
        report.BeginOfWindow.ShouldBe(bos == BeginOfText.Window ? Begin : null);
        HeldOutTexts.Read(directory["probe"], tokenizer).ToList().ShouldBe(texts);
        File.ReadAllText(directory["probe/report.json"]).ShouldContain($"\"bos\": \"{bos.ToString().ToLowerInvariant()}\"");

        File.WriteAllText(
            directory["probe/report.json"],
            File.ReadAllText(directory["probe/report.json"]).Replace($"{Begin}\n", "9999\n", StringComparison.Ordinal));
        Should.Throw<InvalidInputException>(() => DataBuildReport.Load(directory["probe"])).Message
            .ShouldBe(
                $"{directory["probe/report.json"]}, key 'begin_of_text_ids': expected ids of the vocabulary, found 9999; build "
                    + "the domain again");
    }

    [Fact]
    public void A_report_from_before_begin_tokens_has_none()
    {
        HeldOutBuilder.Build(
            [new TextDocument(new DocumentOrigin("t.txt", 1), "a text".AsMemory(), Group: null)],
            new() { Output = directory["old"], Name = "old", Encoder = TextEncoder.Of(WithTemplate(0), "t.json") },
            CancellationToken.None);
        var json = JsonNode.Parse(File.ReadAllText(directory["old/report.json"]))!.AsObject();
        foreach (var key in new[] { "bos", "begin_of_text_ids", "bad_lines" }) json.Remove(key).ShouldBeTrue(key);
        File.WriteAllText(directory["old/report.json"], json.ToJsonString());

        DataBuildReport.Load(directory["old"]).ShouldSatisfyAllConditions(
            report => report.Bos.ShouldBe(BeginOfText.None), report => report.BeginOfWindow.ShouldBeNull());
    }

    [Theory]
    [InlineData(1, false, false, true)]
    [InlineData(1, true, false, false)]
    [InlineData(0, true, true, true)]
    [InlineData(0, false, true, false)]
    [InlineData(0, true, false, false)]
    public void Data_of_other_tools_that_disagree_with_the_tokenizer_are_warned_of(
        int templateTokens, bool dataBegin, bool hasBosTokenId, bool isWarned)
    {
        using (var writer = new IndexedDatasetWriter(directory["d"], TokenType.UInt16))
        {
            for (var i = 0; i < 3; i++) writer.Append(dataBegin ? [Begin, 'a', EndOfText] : ['a', EndOfText]);
            writer.Complete();
        }

        using var tokens = IndexedDataset.Open(directory["d"]);
        var reporter = new Training.RecordingReporter();
        BeginTokenCheck.Warn(
            WithTemplate(templateTokens), hasBosTokenId ? Begin : null, "the model", [("law", tokens, null)], "do this",
            reporter);

        reporter.Warnings.ShouldBe(!isWarned ? [] : templateTokens > 0
            ? [$"the tokenizer of the model puts \"<s>\" (id {Begin}) before every text, and the data of law have none; do this"]
            : [
                $"the documents of law begin with \"<s>\" (id {Begin}), which the tokenizer of the model puts before no text: "
                    + "its prompts begin without it"]);
    }

    [Theory]
    [InlineData(1, "<s>a", true)]
    [InlineData(1, "a<s>", false)]
    [InlineData(1, "", false)]
    [InlineData(2, "<p><s>a", false)]
    [InlineData(2, "<s><p>a", true)]
    [InlineData(0, "<s><s>", false)]
    public void A_text_that_begins_as_the_template_does_is_warned_of(int templateTokens, string text, bool isWarned)
    {
        var tokenizer = WithTemplate(templateTokens);
        var reporter = new Training.RecordingReporter();
        BeginTokens.WarnIfTwice(tokenizer, tokenizer.Encode(text), "the prompt", reporter);

        reporter.Warnings.Count.ShouldBe(isWarned ? 1 : 0);
    }

    private static int[] Ids(int templateTokens) => templateTokens == 2 ? [Begin, Begin + 1] : [Begin];

    private static Tokenizer WithTemplate(int templateTokens) =>
        TinyTokenizer.Parse(TinyTokenizer.JsonWithTemplate(templateTokens));
}
