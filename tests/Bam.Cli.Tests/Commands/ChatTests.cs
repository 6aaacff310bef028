using System.Text.Json;
using Bam.Data;
using Shouldly;
using Xunit;

namespace Bam.Cli.Tests.Commands;

/// <summary>
/// Chat templates in <c>generate</c> and <c>data build</c>, on a golden model with a tokenizer of printable letters.
/// </summary>
public sealed class ChatTests : IDisposable
{
    private const string Turns =
        "<{% for m in messages %}{{ m.role }}:{{ m.content }};{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}";

    private readonly string root = Directory.CreateTempSubdirectory("bam-test-").FullName;

    public void Dispose() => Directory.Delete(root, recursive: true);

    [Fact]
    public void The_prompt_is_a_message_of_the_user()
    {
        string[] request = ["--max-tokens", "6", "--temperature", "0"];
        Chat(["--prompt", "hi", .. request]).Output.ShouldBe(Plain(["--prompt", "<user:hi;assistant:", .. request]).Output);
        Chat(["--prompt", "hi", "--system", "short", .. request]).Output
            .ShouldBe(Plain(["--prompt", "<system:short;user:hi;assistant:", .. request]).Output);
        var run = Chat(["--prompt", "hi", .. request, "--json"]);
        using var json = JsonDocument.Parse(run.Output);
        json.RootElement.GetProperty("prompt_tokens").GetInt32().ShouldBe("<user:hi;assistant:".Length);
    }

    [Fact]
    public void Messages_may_come_from_a_file()
    {
        string[] request = ["--max-tokens", "6", "--temperature", "0"];
        var file = Write(
            "messages.json",
            """[{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"user","content":"c"}]""");
        Chat(["--messages", file, .. request]).Output
            .ShouldBe(Plain(["--prompt", "<user:a;assistant:b;user:c;assistant:", .. request]).Output);
        var open = Write("open.json", """{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"be"}]}""");
        Chat(["--messages", open, .. request]).Output.ShouldBe(Plain(["--prompt", "<user:a;assistant:be", .. request]).Output);
    }

    [Fact]
    public void A_template_may_be_a_file()
    {
        var file = Write("mine.jinja", "{{ messages[0].content }}!");
        string[] request = ["--max-tokens", "6", "--temperature", "0"];
        Chat(["--prompt", "hi", "--template", file, .. request]).Output.ShouldBe(Plain(["--prompt", "hi!", .. request]).Output);
    }

    [Theory]
    [InlineData(
        "--template: expected --chat beside it, found none; add --chat, or leave it out", "--template", "rag", "--prompt", "a")]
    [InlineData("--system: expected --chat beside it, found none; add --chat, or leave it out", "--system", "s", "--prompt", "a")]
    [InlineData(
        "--messages: expected no --prompt, --prompt-file or --system beside it, found one of them; put it into the file",
        "--chat", "--messages", "m.json", "--prompt", "a")]
    [InlineData(
        "--no-special-tokens: expected none with --chat, whose template writes all special tokens, found it; leave it out",
        "--chat", "--no-special-tokens", "--prompt", "a")]
    public void Options_without_meaning_are_refused(string message, params string[] options)
    {
        var run = Plain(options);
        run.Status.ShouldBe(ExitStatus.WrongRequest);
        run.Error.ShouldBe($"bam: {message}\n");
    }

    [Fact]
    public void A_template_that_fails_costs_one_line()
    {
        var broken = Write("broken.jinja", "a\n{% if %}");
        var run = Chat(["--prompt", "a", "--template", broken]);
        run.Status.ShouldBe(ExitStatus.WrongRequest);
        run.Error.ShouldStartWith($"bam: {broken}, line 2: ");
        run.Error.Count(letter => letter == '\n').ShouldBe(1);
        var refusing = Write("refusing.jinja", "{{ raise_exception('no users') }}");
        Chat(["--prompt", "a", "--template", refusing]).Error
            .ShouldBe($"bam: {refusing}, line 1: refuses the messages: no users\n");
        File.Delete(Path.Combine(Model(), "chat_template.jinja"));
        Chat(["--prompt", "a"]).Error.ShouldContain("expected a chat template (chat_template.jinja, or chat_template in");
    }

    [Fact]
    public void Answers_are_built_and_measured()
    {
        var lines = Enumerable.Range(0, 60).Select(i => JsonSerializer.Serialize(new
        {
            conversations = new[]
            {
                new { from = "human", value = $"question {i} {new string((char)('a' + (i % 26)), 80)}" },
                new { from = "gpt", value = $"answer {i} {Guid.NewGuid()}" },
            },
        }));
        var input = Write("in.jsonl", string.Join('\n', lines) + "\n");
        var output = Path.Combine(root, "data");
        string[] build =
        [
            "data", "build", "--input", input, "--tokenizer", Model(), "--output", output, "--near-duplicate-similarity", "1",
        ];

        var run = CommandLineRun.Of([.. build, "--chat", "--loss-on", "assistant", "--contamination-share", "1"]);

        run.Status.ShouldBe(0, run.Error);
        run.Output.ShouldContain("training, tokens of answers");
        var report = DataBuildReport.Load(output);
        report.Chat!.LossOn.ShouldBe(LossOn.Assistant);
        CommandLineRun.Of("data", "inspect", output, "--tokenizer", Model()).Output.ShouldContain("<user:question ");
        var measured = CommandLineRun.Of("eval", "perplexity", Model(), "--data", output);
        measured.Status.ShouldBe(0, measured.Error);
        measured.Output.ShouldContain("only the answers count in: data");
        measured.Output.ShouldContain($"targets: data {report.Chat.HeldOutAnswers}");
    }

    [Theory]
    [InlineData("--loss-on: expected --chat beside it, found none; add --chat, or leave it out", "--loss-on", "assistant")]
    [InlineData("--loss-on: expected all or assistant, found user; choose one of these", "--chat", "--loss-on", "user")]
    [InlineData(
        "--bos: expected none with --chat, whose template writes the begin tokens, found none; leave it out",
        "--chat", "--bos", "none")]
    public void Wrong_requests_of_data_are_refused(string message, params string[] options)
    {
        var input = Write("in.jsonl", """{"messages":[{"role":"user","content":"a"}]}""");
        var run = CommandLineRun.Of(
            ["data", "build", "--input", input, "--tokenizer", Model(), "--output", Path.Combine(root, "data"), .. options]);
        run.Status.ShouldBe(ExitStatus.WrongRequest);
        run.Error.ShouldBe($"bam: {message}\n");
    }

    private CommandLineRun Chat(string[] options) => CommandLineRun.Of(["generate", Model(), "--chat", .. options]);

    private CommandLineRun Plain(string[] options) => CommandLineRun.Of(["generate", Model(), .. options]);

    private string Write(string name, string text)
    {
        var path = Path.Combine(root, name);
        File.WriteAllText(path, text);
        return path;
    }

    private string Model()
    {
        var directory = Path.Combine(root, "model");
        if (Directory.Exists(directory)) return directory;
        Directory.CreateDirectory(directory);
        foreach (var file in new[] { "config.json", "model.safetensors" })
            File.Copy(RepositoryRoot.PathOf("tests", "fixtures", "bam", "dense-parallel", file), Path.Combine(directory, file));
        var letters = Enumerable.Range(0, 95).Select(i => i == 0 ? "Ġ" : ((char)(' ' + i)).ToString());
        var vocabulary = letters.Select((letter, id) => $"{JsonSerializer.Serialize(letter)}: {id}");
        File.WriteAllText(Path.Combine(directory, "tokenizer.json"), $$$"""
            {"model": {"type": "BPE", "unk_token": "a", "vocab": {{{{string.Join(", ", vocabulary)}}}}, "merges": []},
            "added_tokens": [{"id": 95, "content": "</s>", "special": true}],
            "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false}, "decoder": {"type": "ByteLevel"}}
            """);
        File.WriteAllText(Path.Combine(directory, "chat_template.jinja"), Turns);
        return directory;
    }
}
