using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Bam.Data;
using Bam.Data.Building;
using Bam.Tests.Tokenization;
using Bam.Tests.Tokenization.Chat;
using Bam.Tokenization;
using Bam.Tokenization.Chat;
using Shouldly;
using Xunit;

namespace Bam.Tests.Data;

/// <summary>Conversations as data: what is stored, what counts, and what is refused.</summary>
public sealed class ChatDataTests : IDisposable
{
    private const string Turns =
        "{% for m in messages %}{% if m.role == 'nobody' %}{{ raise_exception('no such role') }}{% endif %}"
        + "<s>{{ m.role }}:{{ m.content }}<p>\n{% endfor %}{% if add_generation_prompt %}<s>assistant:{% endif %}";

    private static readonly Tokenizer Tokens =
        Tokenizer.Parse(Encoding.UTF8.GetBytes(TinyTokenizer.JsonWithTemplate(1).ToJsonString()), "t");

    private readonly TemporaryDirectory directory = new();

    public void Dispose() => directory.Dispose();

    [Fact]
    public void The_answers_and_their_ends_count_and_nothing_else()
    {
        var conversations = Conversations(30);
        Write(conversations.Select(Line));

        var report = Build(LossOn.Assistant);

        using var domain = DomainData.Open(directory["out"]);
        var found = new List<string>();
        foreach (var shard in new[] { domain.Train, domain.HeldOut })
        {
            shard.Mask.ShouldNotBeNull();
            for (var i = 0; i < shard.DocumentCount; i++) found.Add(AnswersOf(shard, i));
        }

        found.Order().ShouldBe(conversations.Select(Expected).Order());
        report.Chat.ShouldNotBeNull().LossOn.ShouldBe(LossOn.Assistant);
        (report.Chat.TrainAnswers + report.Chat.HeldOutAnswers).ShouldBe(
            Enumerable.Range(0, 2).Sum(side => Counted(side == 0 ? domain.Train : domain.HeldOut)));
        report.Chat.HeldOutAnswerBytes.ShouldBe(
            Enumerable.Range(0, (int)domain.HeldOut.DocumentCount)
                .Sum(i => Encoding.UTF8.GetByteCount(AnswersOf(domain.HeldOut, i).Replace("<p>", "", StringComparison.Ordinal)
                    .Replace("|", "", StringComparison.Ordinal))));
        report.Bos.ShouldBe(BeginOfText.Document);
        DataBuildReport.Load(directory["out"]).ToJson().ShouldBe(report.ToJson());

        static string Expected((string Question, string[] Answers) conversation) =>
            string.Concat(conversation.Answers.Select(answer => $"{answer}<p>|"));
    }

    [Fact]
    public void The_tokens_are_the_same_with_and_without_a_mask()
    {
        Write(Conversations(30).Select(Line));
        var masked = Build(LossOn.Assistant, "masked");
        var whole = Build(LossOn.All, "whole");
        masked.Train.Sha256.ShouldBe(whole.Train.Sha256);
        masked.HeldOut.Sha256.ShouldBe(whole.HeldOut.Sha256);
        Directory.GetFiles(directory["whole"]).Select(path => Path.GetFileName(path)!).Order()
            .ShouldBe(["heldout.bin", "heldout.idx", "report.json", "train.bin", "train.idx"]);
        Directory.GetFiles(directory["masked"]).Select(path => Path.GetFileName(path)!).Order()
            .ShouldBe(["heldout.bin", "heldout.idx", "heldout.mask", "report.json", "train.bin", "train.idx", "train.mask"]);
        whole.Chat.ShouldNotBeNull().TrainAnswers.ShouldBeNull();
        Build(LossOn.All, "masked").ToJson().ShouldBe((whole with { Name = "masked" }).ToJson()); // the masks go
        File.Exists(directory["masked/train.mask"]).ShouldBeFalse();
    }

    [Fact]
    public void Without_held_out_text_the_training_split_still_has_its_mask()
    {
        Write(Conversations(5).Select(Line));
        Build(LossOn.Assistant, change: options => options with { HeldOutFraction = 0 });
        using var domain = DomainData.Open(directory["out"]);
        domain.HeldOut.TokenCount.ShouldBe(0);
        Counted(domain.Train).ShouldBeGreaterThan(0);
    }

    [Fact]
    public void What_templates_add_makes_no_near_duplicates()
    {
        var boilerplate = RandomText.Words(2000, "boilerplate");
        Write(Conversations(20).Select(conversation => Line(conversation, boilerplate)));
        var report = Build(LossOn.Assistant);
        report.NearDuplicates.ShouldBe(0);
        report.Contaminated.ShouldBe(0);
        (report.Train.Documents + report.HeldOut.Documents).ShouldBe(20);
    }

    [Fact]
    public void Conversations_that_are_the_same_but_for_the_system_are_near_duplicates()
    {
        var conversations = Conversations(10);
        Write([.. conversations.Select(Line), Line(conversations[2], "another system")]);
        Build(LossOn.Assistant).NearDuplicates.ShouldBe(1);
    }

    [Fact]
    public void Conversations_without_an_answer_are_left_out_where_only_answers_count()
    {
        Write(
        [
            .. Conversations(10).Select(Line), """{"messages":[{"role":"user","content":"nobody answers this"}]}""",
            """{"messages":[]}""",
        ]);
        Build(LossOn.Assistant).EmptyDocuments.ShouldBe(2);
        Build(LossOn.All).EmptyDocuments.ShouldBe(1);
    }

    [Fact]
    public void A_conversation_of_which_the_template_writes_nothing_is_a_bad_line()
    {
        Write(Conversations(3).Select(Line));
        var silent = ChatTemplateTests.Template("{% for m in messages %} {% endfor %}");
        Should.Throw<InvalidInputException>(
            () => Build(LossOn.All, change: options => options with
            {
                Chat = new(new ChatEncoder(Tokens, silent, silent), LossOn.All),
            })).Message.ShouldStartWith(
            $"3 bad lines: {directory["in.jsonl"]}:1: t: expected a template that writes the messages, "
                + "found one that writes nothing for them");
        Directory.Exists(directory["out"]).ShouldBeFalse();
    }

    [Fact]
    public void A_conversation_that_the_template_refuses_is_a_bad_line()
    {
        Write(
        [
            .. Conversations(10).Select(Line),
            """{"messages":[{"role":"nobody","content":"a"},{"role":"assistant","content":"b"}]}""",
        ]);
        var file = directory["in.jsonl"];
        Should.Throw<InvalidInputException>(() => Build(LossOn.Assistant)).Message.ShouldBe(
            $"{file}:11: t, line 1: refuses the messages: no such role; mend the line, or read past it with --skip-bad-lines 1 "
                + "(skip_bad_lines in a recipe)");
        Directory.Exists(directory["out"]).ShouldBeFalse();
        var report = Build(LossOn.Assistant, change: options => options with { SkipBadLines = 1 });
        (report.BadLines, report.DocumentsRead, report.NearDuplicates).ShouldBe((1, 10, 0));
    }

    [Theory]
    [InlineData("""{"text":"a"}""", "expected the field \"messages\" or \"conversations\", found only \"text\"")]
    [InlineData("""[{"role":"user","content":"a"}]""", "expected a JSON object, found an array")]
    [InlineData("""{"messages":[{"role":"user","content":{}}]}""", "\"messages\"[0], \"content\": expected text")]
    [InlineData("""{"messages":[{"role":"user","content":"\ud800"}]}""", "expected Unicode text, found half of a surrogate pair")]
    [InlineData("""{"messages":[""", "expected a JSON object, found damage at byte 13 of the line")]
    public void A_line_without_a_conversation_is_a_bad_line(string line, string message)
    {
        Write([line, .. Conversations(10).Select(Line)]);
        var place = message[0] == '"' ? "in.jsonl:1, " : "in.jsonl:1: ";
        Should.Throw<InvalidInputException>(() => Build(LossOn.All)).Message.ShouldContain(place + message);
        Build(LossOn.All, change: options => options with { SkipBadLines = 1 }).BadLines.ShouldBe(1);
    }

    [Fact]
    public void Only_jsonl_holds_conversations()
    {
        File.WriteAllText(directory["in.txt"], "text");
        var file = directory["in.txt"];
        Should.Throw<InvalidInputException>(() => Build(LossOn.All, change: options => options with { Inputs = [file] })).Message
            .ShouldBe(
                $"{file}: expected conversations, one in each line of a .jsonl file, found another kind of file; "
                + "leave it out");
    }

    [Fact]
    public void A_mask_of_another_build_is_refused()
    {
        Write(Conversations(10).Select(Line));
        Build(LossOn.Assistant);
        var mask = directory["out/train.mask"];
        var bytes = File.ReadAllBytes(mask);
        File.WriteAllBytes(mask, [.. bytes, 0]);
        Should.Throw<InvalidInputException>(() => DomainData.Open(directory["out"])).Message
            .ShouldStartWith($"{mask}: expected {bytes.Length} bytes, a bit for each of ");
        File.Delete(mask);
        Should.Throw<InvalidInputException>(() => DomainData.Open(directory["out"])).Message
            .ShouldBe($"{mask}: expected the mask of the answers, found no such file; build the domain again");
        Build(LossOn.All);
        File.WriteAllBytes(mask, bytes);
        Should.Throw<InvalidInputException>(() => DomainData.Open(directory["out"])).Message
            .ShouldBe($"{mask}: expected no mask, as report.json says, found one; build the domain again");
    }

    [Fact]
    public void Bits_after_the_last_token_are_damage()
    {
        var path = directory["x.mask"];
        File.WriteAllBytes(path, [0b0000_0111]);
        using (var mask = new TokenMask(path, 3))
        {
            var counts = new bool[2];
            mask.Read(1, counts);
            counts.ShouldBe([true, true]);
        }

        Should.Throw<InvalidInputException>(() => new TokenMask(path, 2)).Message
            .ShouldContain("found bits after the last token");
    }

    [Fact]
    public void A_mask_is_read_at_every_position()
    {
        var random = new Random(5);
        var counts = Enumerable.Range(0, 600_001).Select(_ => random.Next(3) == 0).ToArray();
        var writer = new TokenMaskWriter(directory["y"]);
        writer.Append(counts.AsSpan(0, 7));
        writer.Append(counts.AsSpan(7));
        writer.Complete();
        writer.Counted.ShouldBe(counts.Count(counted => counted));
        using var mask = new TokenMask(directory["y.mask"], counts.Length);
        foreach (var (start, length) in new[] { (0, 1), (3, 5), (7, 9), (524_280, 20), (600_000, 1), (0, 600_001) })
        {
            var read = new bool[length];
            mask.Read(start, read);
            read.ShouldBe(counts.AsSpan(start, length).ToArray());
        }
    }

    [Fact]
    public void Windows_carry_the_mask_of_their_tokens()
    {
        Write(Conversations(30).Select(Line));
        Build(LossOn.Assistant);
        using var domain = DomainData.Open(directory["out"]);
        File.WriteAllText(directory["in.jsonl"], string.Concat(Enumerable.Range(0, 30).Select(i =>
            JsonSerializer.Serialize(new { text = RandomText.Words(300, $"text {i}") }) + "\n")));
        DataBuilder.Build(
            new() { Inputs = [directory["in.jsonl"]], Output = directory["text"], Encoder = TextEncoder.Of(Tokens, "t") });
        using var text = DomainData.Open(directory["text"]);

        var batch = new WindowSampler(
            [new("chat", domain.Train, 1), new("text", text.Train, 1)], windowLength: 40, batchSize: 4, seed: 3).Draw(0);

        batch.Domains.ShouldBe([0, 0, 1, 1]);
        for (var row = 0; row < 4; row++)
        {
            var expected = new bool[41];
            if (row < 2) domain.Train.Mask!.Read(batch.Starts[row], expected);
            else expected.AsSpan().Fill(true);
            batch.Counts.ShouldNotBeNull().AsSpan(row * 41, 41).ToArray().ShouldBe(expected);
        }

        var unmasked = new WindowSampler([new("text", text.Train, 1)], windowLength: 40, batchSize: 4, seed: 3).Draw(0);
        unmasked.Counts.ShouldBeNull();
    }

    private static string AnswersOf(IndexedDataset shard, long document)
    {
        var (start, length) = shard.Document(document);
        var (ids, counts, text) = (new int[length], new bool[length], new StringBuilder());
        shard.Read(start, ids);
        shard.Mask!.Read(start, counts);
        for (var i = 0; i < ids.Length; i++)
        {
            if (counts[i]) text.Append(Tokens.Decode([ids[i]]));
            else if (text.Length > 0 && text[^1] != '|') text.Append('|');
        }

        return text.ToString();
    }

    private static long Counted(IndexedDataset shard)
    {
        var counts = new bool[shard.TokenCount];
        shard.Mask!.Read(0, counts);
        return counts.Count(counted => counted);
    }

    private static List<(string Question, string[] Answers)> Conversations(int count) =>
        [.. Enumerable.Range(0, count).Select(i =>
            (RandomText.Words(100, $"question {i}"),
                Enumerable.Range(0, 1 + (i % 3)).Select(turn => RandomText.Words(80, $"answer {i} {turn}")).ToArray()))];

    private static string Line((string Question, string[] Answers) conversation) => Line(conversation, system: null);

    private static string Line((string Question, string[] Answers) conversation, string? system)
    {
        var messages = new JsonArray();
        if (system is not null) messages.Add(Message("system", system));
        foreach (var answer in conversation.Answers)
        {
            messages.Add(Message("user", conversation.Question));
            messages.Add(Message("assistant", answer));
        }

        return new JsonObject { ["messages"] = messages }.ToJsonString();

        static JsonObject Message(string role, string content) => new() { ["role"] = role, ["content"] = content };
    }

    private void Write(IEnumerable<string> lines) => File.WriteAllLines(directory["in.jsonl"], lines);

    private DataBuildReport Build(
        LossOn lossOn, string name = "out", Func<DataBuildOptions, DataBuildOptions>? change = null)
    {
        var template = ChatTemplateTests.Template(Turns);
        var options = new DataBuildOptions
        {
            Inputs = [directory["in.jsonl"]],
            Output = directory[name],
            Encoder = TextEncoder.Of(Tokens, "t"),
            Format = DataFormat.Chat,
            Chat = new(new ChatEncoder(Tokens, template, template), lossOn),
            HeldOutFraction = 0.2,
        };
        return DataBuilder.Build(change?.Invoke(options) ?? options);
    }
}
