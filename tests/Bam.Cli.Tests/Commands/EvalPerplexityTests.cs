using System.Text.Json;
using Bam.Data;
using Bam.Data.Building;
using Shouldly;
using Xunit;

namespace Bam.Cli.Tests.Commands;

public sealed class EvalPerplexityTests : IDisposable
{
    private static readonly string Dense = RepositoryRoot.PathOf("tests", "fixtures", "bam", "dense-parallel");
    private static readonly string Mixture = RepositoryRoot.PathOf("tests", "fixtures", "bam", "bam-expert-kv");

    private readonly string root = Directory.CreateTempSubdirectory("bam-test-").FullName;

    public void Dispose() => Directory.Delete(root, recursive: true);

    [Fact]
    public void Models_and_domains_make_a_table()
    {
        var run = CommandLineRun.Of(
            "eval", "perplexity", Dense, Mixture, "--data", Domain("law"), Domain("code"), "--window", "7");

        run.Error.ShouldNotContain("bam:");
        run.Status.ShouldBe(0);
        run.Output.ShouldContain("law");
        run.Output.ShouldContain("mean");
        run.Output.ShouldContain("bits per UTF-8 byte");
        run.Output.ShouldContain("windows of 7 tokens");
    }

    [Fact]
    public void Json_holds_every_figure()
    {
        using var result = JsonDocument.Parse(
            CommandLineRun.Of("eval", "perplexity", Dense, "--data", Domain("law"), Domain("code"), "--json").Output);

        var model = result.RootElement.GetProperty("models")[0];
        var (law, code) = (model.GetProperty("domains").GetProperty("law"), model.GetProperty("domains").GetProperty("code"));
        law.GetProperty("perplexity").GetDouble().ShouldBe(Math.Exp(law.GetProperty("nll").GetDouble()), 1e-9);
        law.GetProperty("tokens").GetInt64().ShouldBeGreaterThan(10);
        law.GetProperty("bits_per_byte").GetDouble().ShouldBeGreaterThan(0);
        model.GetProperty("mean_perplexity").GetDouble()
            .ShouldBe((law.GetProperty("perplexity").GetDouble() + code.GetProperty("perplexity").GetDouble()) / 2, 1e-9);
    }

    [Fact]
    public void A_model_whose_figures_are_no_numbers_is_failed_work()
    {
        var model = Path.Combine(root, "damaged");
        Directory.CreateDirectory(model);
        File.Copy(Path.Combine(Dense, "config.json"), Path.Combine(model, "config.json"));
        var weights = File.ReadAllBytes(Path.Combine(Dense, "model.safetensors"));
        weights.AsSpan(8 + (int)BitConverter.ToInt64(weights)).Fill(0xFF);  // NaN
        File.WriteAllBytes(Path.Combine(model, "model.safetensors"), weights);

        var run = CommandLineRun.Of("eval", "perplexity", Dense, model, "--data", Domain("law"), "--window", "7");

        run.Status.ShouldBe(1);
        run.Output.ShouldContain("law");
        run.Error.ShouldEndWith(
            $"bam: {model}: the negative log-likelihood on law is NaN: the model's weights are damaged, or its training "
            + "diverged\n");
    }

    [Fact]
    public void Another_vocabulary_is_refused()
    {
        var run = CommandLineRun.Of("eval", "perplexity", Dense, "--data", Domain("law", vocabularySize: 50_000));

        run.Status.ShouldBe(2);
        run.Error.ShouldContain("domain 'law': expected ids of a vocabulary of at most");
    }

    [Fact]
    public void Another_tokenizer_is_refused_with_the_model_that_has_it()
    {
        var model = Path.Combine(root, "model");
        Directory.CreateDirectory(model);
        foreach (var file in Directory.GetFiles(Dense)) File.Copy(file, Path.Combine(model, Path.GetFileName(file)));
        File.Copy(
            RepositoryRoot.PathOf("tests", "fixtures", "cases", "jsonl-lines-of-other-tools", "tokenizer.json"),
            Path.Combine(model, "tokenizer.json"));
        var law = Domain("law");
        var run = CommandLineRun.Of("eval", "perplexity", Dense, model, "--data", law);

        run.Status.ShouldBe(2);
        run.Error.ShouldStartWith($"bam: {law}: domain 'law': expected ids of {model}'s tokenizer (");
        run.Error.ShouldContain("found those of another (letters); build the data with the model's tokenizer");
    }

    [Theory]
    [InlineData("--window", "0")]
    [InlineData("--window", "100000")]
    [InlineData("--batch-size", "-1")]
    [InlineData("--device", "tpu")]
    public void A_wrong_option_is_named(string option, string value)
    {
        var run = CommandLineRun.Of("eval", "perplexity", Dense, "--data", Domain("law"), option, value);

        run.Status.ShouldBe(2);
        run.Error.ShouldContain(option);
    }

    [Fact]
    public void Documents_are_measured_by_themselves()
    {
        var model = WithLetters();
        var text = Path.Combine(root, "text.jsonl");
        File.WriteAllText(text, "{\"text\": \"one document\"}\n{\"text\": \"and another one\"}\n");
        CommandLineRun.Of(
            "data", "build", "--input", text, "--tokenizer", Path.Combine(model, "tokenizer.json"), "--held-out-fraction", "0",
            "--output", Path.Combine(root, "data")).ShouldBeDone();
        var data = Path.Combine(root, "data", "train");

        var run = CommandLineRun.Of("eval", "perplexity", model, "--data", data, "--per-document");

        run.ShouldBeDone();
        run.Output.ShouldContain("perplexity per word");
        run.Output.ShouldContain("windows of 128 tokens; documents: train 2");
        using var json = JsonDocument.Parse(
            CommandLineRun.Of("eval", "perplexity", model, "--data", data, "--per-document", "--json").Output);
        var figures = json.RootElement.GetProperty("models")[0].GetProperty("domains").GetProperty("train");
        figures.GetProperty("documents").GetInt64().ShouldBe(2);
        figures.GetProperty("tokens").GetInt64().ShouldBe(27);  // one for each letter
        figures.GetProperty("bytes").GetInt64().ShouldBe(27);
        figures.GetProperty("words").GetInt64().ShouldBe(5);
        Math.Log2(figures.GetProperty("byte_perplexity").GetDouble())
            .ShouldBe(figures.GetProperty("bits_per_byte").GetDouble(), 1e-9);
    }

    [Fact]
    public void Documents_need_a_tokenizer_and_no_begin_tokens()
    {
        var run = CommandLineRun.Of("eval", "perplexity", Dense, "--data", Domain("law"), "--per-document", "--bos", "none");
        run.Status.ShouldBe(2);
        run.Error.ShouldBe("bam: --bos: expected no such option with --per-document, found both; leave one out\n");

        run = CommandLineRun.Of("eval", "perplexity", Dense, "--data", Domain("code"), "--per-document");
        run.Status.ShouldBe(2);
        run.Error.ShouldStartWith($"bam: {Dense}/tokenizer.json: expected a tokenizer.json");
    }

    private string WithLetters()
    {
        var model = Path.Combine(root, "letters");
        Directory.CreateDirectory(model);
        foreach (var file in new[] { "config.json", "model.safetensors" })
            File.Copy(Path.Combine(Dense, file), Path.Combine(model, file));
        LetterTokenizer.Write(model, hasEndOfText: true);
        return model;
    }

    private string Domain(string name, int vocabularySize = 30)
    {
        var folder = Path.Combine(root, $"{name} text");
        Directory.CreateDirectory(folder);
        for (var i = 0; i < 20; i++)
        {
            File.WriteAllText(
                Path.Combine(folder, $"{i}.txt"),
                $"document {i} about {name}, which has {i * i * 7919} other words: {i * 31}{name}{i * 17}");
        }
        var output = Path.Combine(root, name);
        DataBuilder.Build(new DataBuildOptions
        {
            Inputs = [folder],
            Output = output,
            Encoder = new TextEncoder(
                (text, ids) => ids.AddRange(text.ToString().Select(letter => letter % 29)), vocabularySize, 29, "letters"),
            HeldOutFraction = 0.3,
            NearDuplicateSimilarity = 1,
            ContaminationShare = 1,
        });
        return output;
    }
}
