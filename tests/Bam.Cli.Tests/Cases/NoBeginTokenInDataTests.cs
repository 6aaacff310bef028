using System.Text.Json;
using Bam.Data;
using Shouldly;
using Xunit;

namespace Bam.Cli.Tests.Cases;

public sealed class NoBeginTokenInDataTests : IDisposable
{
    private const int Begin = 1;

    private readonly CaseFiles files = new("no-begin-token-in-data");

    public void Dispose() => files.Dispose();

    [Fact]
    public void The_templates_begin_token_stands_before_each_document()
    {
        Build().Output.ShouldContain("each document begins with id 1");

        using var domain = DomainData.Open(files["data"]);
        foreach (var side in new[] { domain.Train, domain.HeldOut })
        {
            for (var i = 0; i < side.DocumentCount; i++)
            {
                var (start, length) = side.Document(i);
                var ids = new int[length];
                side.Read(start, ids);
                ids[0].ShouldBe(Begin);
                ids.Count(id => id == Begin).ShouldBe(1);
            }
        }

        domain.Report.Bos.ShouldBe(BeginOfText.Document);
        Measure().Error.ShouldNotContain("warning");
    }

    [Fact]
    public void Windows_of_a_measurement_begin_with_it_if_the_data_say_so()
    {
        Build("--bos", "window");
        using var domain = DomainData.Open(files["data"]);
        var held = new int[domain.HeldOut.TokenCount];
        domain.HeldOut.Read(0, held);
        held.ShouldNotContain(Begin);

        var (built, without) = (Measure(), Measure("--bos", "none"));
        Tokens(built).ShouldBe(held.Length);
        built.Error.ShouldNotContain("warning");
        Tokens(without).ShouldBe(held.Length - 1);
    }

    [Fact]
    public void Data_without_it_are_warned_of_once_and_can_be_measured_with_it()
    {
        Build("--bos", "none");
        var run = Measure();

        run.Error.ShouldContain(
            $"warning: the tokenizer of {files["model"]} puts \"<s>\" (id 1) before every text, and the data of data have none; "
            + "windows begin without it: measure with --bos window, or build the data with --bos document");
        run.Error.Split("warning").Length.ShouldBe(2);

        var begun = Measure("--bos", "window");
        begun.Error.ShouldNotContain("warning");
        Tokens(begun).ShouldBe(Tokens(run) + 1);

        Build("--bos", "window");
        Nll(Measure()).ShouldBe(Nll(begun));
    }

    [Fact]
    public void Begin_tokens_in_the_data_cannot_be_measured_away()
    {
        Build();
        var run = Measure("--bos", "none");

        run.Status.ShouldBe(2);
        run.Error.ShouldBe(
            $"bam: --bos none: expected data without begin tokens, found {files["data"]}, whose documents begin with one; "
            + "leave the option out, or build the data with another --bos\n");
    }

    [Theory]
    [InlineData("none", true)]
    [InlineData("document", false)]
    [InlineData("window", false)]
    public void Training_on_data_without_it_is_warned_of(string bos, bool isWarned)
    {
        Build("--bos", bos);
        File.WriteAllText(files["train.yaml"], """
            model: model
            output: run
            data: [{domain: men, path: data}]
            sequence_length: 8
            batch_size: 2
            steps: 1
            learning_rate: 1e-3
            warmup_steps: 0
            device: cpu
            """);
        var run = CommandLineRun.Of("train", files["train.yaml"]);

        run.Status.ShouldBe(0, run.Error);
        run.Error.Contains(
            "warning: the tokenizer of the model puts \"<s>\" (id 1) before every text, and the data of men have none; ",
            StringComparison.Ordinal).ShouldBe(isWarned);
        using var identity = JsonDocument.Parse(File.ReadAllText(files["run/identity.json"]));
        File.ReadAllText(files["run/identity.json"]).Contains("begin_of_window\": 1", StringComparison.Ordinal)
            .ShouldBe(bos == "window");
    }

    private CommandLineRun Build(params string[] more) => CommandLineRun.Of(
        [
            "data", "build", "--input", files["text.jsonl"], "--tokenizer", files["model"], "--output", files["data"],
            "--held-out-fraction", "0.3", .. more,
        ]);

    private CommandLineRun Measure(params string[] more) =>
        CommandLineRun.Of(["eval", "perplexity", files["model"], "--data", files["data"], "--json", .. more]);

    private static long Tokens(CommandLineRun run) => Figures(run).GetProperty("tokens").GetInt64();

    private static double Nll(CommandLineRun run) => Figures(run).GetProperty("nll").GetDouble();

    private static JsonElement Figures(CommandLineRun run)
    {
        run.Status.ShouldBe(0, run.Error);
        return JsonDocument.Parse(run.Output).RootElement.GetProperty("models")[0].GetProperty("domains").GetProperty("data");
    }
}
