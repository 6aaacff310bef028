using System.Text.Json;
using Shouldly;
using Xunit;

namespace Bam.Cli.Tests.Cases;

public sealed class JsonlLinesOfOtherToolsTests : IDisposable
{
    private readonly CaseFiles files = new("jsonl-lines-of-other-tools");

    public void Dispose() => files.Dispose();

    [Theory]
    [InlineData("nan.jsonl", 7, 0)]
    [InlineData("infinity.jsonl", 7, 0)]
    [InlineData("deep.jsonl", 7, 0)]
    [InlineData("null.jsonl", 6, 1)]
    public void Lines_as_common_tools_write_them_are_read(string name, int documents, int empty)
    {
        var run = Build(name, "--json");

        run.Status.ShouldBe(0, run.Error);
        using var report = JsonDocument.Parse(run.Output);
        report.RootElement.GetProperty("documents_read").GetInt32().ShouldBe(documents);
        report.RootElement.GetProperty("empty_documents").GetInt32().ShouldBe(empty);
        Encode(name).Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length.ShouldBe(documents);
    }

    [Fact]
    public void Real_damage_is_refused_or_passed_over_and_counted()
    {
        File.AppendAllText(files["nan.jsonl"], "{\"text\": \"cut\n{\"text\": 7}\n");
        var file = files["nan.jsonl"];
        var lines =
            $"{file}:8: expected a JSON object, found damage at byte 13 of the line; {file}:9, field \"text\": expected a "
            + "string, found a number";

        foreach (var run in new[]
        {
            Build("nan.jsonl"), Encode("nan.jsonl"), Train("nan.jsonl"), Build("nan.jsonl", "--skip-bad-lines", "1"),
        })
        {
            run.Status.ShouldBe(2);
            run.Error.ShouldContain(lines);
            run.Error.ShouldEndWith("or read past them with --skip-bad-lines 2 (skip_bad_lines in a recipe)\n");
        }

        foreach (var run in new[]
        {
            Build("nan.jsonl", "--skip-bad-lines", "2"), Encode("nan.jsonl", "--skip-bad-lines", "2"),
            Train("nan.jsonl", "--skip-bad-lines", "2"),
        })
        {
            run.Status.ShouldBe(0, run.Error);
            run.Error.ShouldContain($"warning: 2 bad lines passed over: {lines}");
        }

        File.ReadAllText(files["data/report.json"]).ShouldContain("\"bad_lines\": 2");
    }

    private CommandLineRun Build(string name, params string[] more) => CommandLineRun.Of(
        ["data", "build", "--input", files[name], "--tokenizer", files["tokenizer.json"], "--output", files["data"], .. more]);

    private CommandLineRun Encode(string name, params string[] more) => CommandLineRun.Of(
        ["tokenizer", "encode", files[name], "--tokenizer", files["tokenizer.json"], .. more]);

    private CommandLineRun Train(string name, params string[] more) => CommandLineRun.Of(
        ["tokenizer", "train", files[name], "--vocab-size", "300", "--output", files["trained.json"], .. more]);
}
