using System.Text.Json;
using Bam.Data;
using Shouldly;
using Xunit;

namespace Bam.Cli.Tests.Commands;

/// <summary>Commands that compute with a model, by two processes that share its experts and by one.</summary>
public sealed class ExpertRanksTests : IDisposable
{
    private readonly string root = Directory.CreateTempSubdirectory("bam-test-").FullName;

    public void Dispose() => Directory.Delete(root, recursive: true);

    [Theory]
    [InlineData("bam-expert-kv")]
    [InlineData("bam-attention-top2")]
    public void Generation_gives_the_tokens_of_one_process(string name)
    {
        string[] request =
        [
            "generate", Model(name), "--prompt", "Once", "--max-tokens", "12", "--seed", "7", "--top-k", "40", "--show-experts",
            "--json",
        ];
        using JsonDocument alone = Json(CommandLineRun.Of(request)), ranks = Json(Launched(request));
        foreach (var figure in (string[])["text", "ids"])
            ranks.RootElement.GetProperty(figure).ToString().ShouldBe(alone.RootElement.GetProperty(figure).ToString());
        // Half of the experts' keys and values.
        (ranks.RootElement.GetProperty("cache_bytes").GetInt64() * 2).ShouldBe(
            alone.RootElement.GetProperty("cache_bytes").GetInt64());
    }

    [Fact]
    public void Perplexity_is_that_of_one_process()
    {
        var domain = Path.Combine(root, "law");
        using (var writer = new IndexedDatasetWriter(domain, TokenType.UInt16))
        {
            writer.Append([.. Enumerable.Range(0, 100).Select(i => i * i % 31)]);
            writer.Complete();
        }

        string[] request = ["eval", "perplexity", Model("bam-shared-kv"), "--data", domain, "--window", "7", "--json"];
        var (alone, ranks) = (Perplexity(CommandLineRun.Of(request)), Perplexity(Launched(request)));
        ranks.ShouldBe(alone, 1e-5 * alone);

        double Perplexity(CommandLineRun run)
        {
            using var result = Json(run);
            return result.RootElement.GetProperty("models")[0].GetProperty("mean_perplexity").GetDouble();
        }
    }

    [Fact]
    public void Latency_is_measured()
    {
        using var result = Json(Launched(
            "eval", "latency", Model("bam-expert-kv"), "--prompt-tokens", "4", "--new-tokens", "3", "--runs", "1", "--json"));
        result.RootElement.GetProperty("models")[0].GetProperty("latency").GetProperty("total").GetProperty("median").GetDouble()
            .ShouldBeGreaterThan(0);
    }

    [Theory]
    [InlineData("dense-parallel", "--prompt Once", "expert parallelism: expected a model with experts for 2 ranks to share")]
    [InlineData("bam-expert-kv", "", "the prompt: expected a text that every process can read, found standard input")]
    public void What_cannot_be_shared_is_refused(string name, string options, string message)
    {
        var run = Launched(["generate", Model(name), .. options.Split(' ', StringSplitOptions.RemoveEmptyEntries)]);
        run.Status.ShouldBe(2);
        run.Output.ShouldBeEmpty();
        run.Error.ShouldContain($"bam: {message}");
    }

    private static JsonDocument Json(CommandLineRun run)
    {
        run.Status.ShouldBe(0, run.Error);
        return JsonDocument.Parse(run.Output);
    }

    private static CommandLineRun Launched(params string[] request) =>
        TrainProcess.Finish(TrainProcess.StartBam([], ["launch", "--processes", "2", "--", .. request]));

    // A golden model with a tokenizer.
    private string Model(string name)
    {
        var directory = Path.Combine(root, name);
        if (Directory.Exists(directory)) return directory;
        Directory.CreateDirectory(directory);
        foreach (var file in (string[])["config.json", "model.safetensors"])
            File.Copy(RepositoryRoot.PathOf("tests", "fixtures", "bam", name, file), Path.Combine(directory, file));
        LetterTokenizer.Write(directory);
        return directory;
    }
}
