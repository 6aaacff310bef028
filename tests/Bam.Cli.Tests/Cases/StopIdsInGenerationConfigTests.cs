using System.Text.Json;
using System.Text.Json.Nodes;
using Shouldly;
using Xunit;

namespace Bam.Cli.Tests.Cases;

/// <summary>config.json ends texts at 2, generation_config.json at 2 and 7; the model gives token 7 always.</summary>
public sealed class StopIdsInGenerationConfigTests : IDisposable
{
    private static readonly string[] Others =
    [
        "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "tokenizer.model", "vocab.json", "merges.txt",
        "chat_template.jinja", "chat_template.json",
        "additional_chat_templates/tools.jinja",
    ];

    private readonly CaseFiles files = new("stop-ids-in-generation-config");

    public void Dispose() => files.Dispose();

    [Theory]
    [InlineData("2", "[2, 7]")]
    [InlineData("null", "[2, 7]")]
    [InlineData(null, "7")]
    [InlineData("[2, 7]", null)]
    [InlineData("[2, 7]", "null")]
    [InlineData("7", "2")]
    public void A_text_ends_at_the_tokens_of_either_file(string? config, string? generation)
    {
        Set("model/config.json", "eos_token_id", config);
        Set("model/generation_config.json", "eos_token_id", generation);
        Generated("model").ShouldBe("end_of_text");
    }

    [Fact]
    public void What_only_one_file_names_is_warned_of_where_libraries_would_not_stop_at_it()
    {
        Done("inspect", files["model"]).Error.ShouldBe("");
        Set("model/generation_config.json", "eos_token_id", "[7, 160]");
        Done("inspect", files["model"]).Error.ShouldBe(
            $"warning: {files["model/generation_config.json"]}: eos_token_id 160 is no token of the model (vocab_size 160) and "
            + "ends no text\n"
            + $"warning: {files["model/generation_config.json"]}: eos_token_id 7, 160 lacks 2, which config.json names; Bam "
            + "ends a text at each of them\n");
    }

    [Theory]
    [InlineData(
        "{\"eos_token_id\": [2, \"7\"]}", ": eos_token_id: expected an integer or an array of them, found an array; correct it")]
    [InlineData("{\"eos_token_id\": [2,", ": not JSON (line 1, byte 20); ")]
    [InlineData("null", ": expected a JSON object, found null; ")]
    [InlineData("{\"a\": \"\\ud800\"}", ": line 1, byte 8: expected Unicode text, found half of a surrogate pair")]
    public void A_damaged_file_is_refused(string content, string message)
    {
        File.WriteAllText(files["model/generation_config.json"], content);
        var run = CommandLineRun.Of("inspect", files["model"]);
        run.Status.ShouldBe(2);
        run.Error.ShouldContain(files["model/generation_config.json"] + message);
        run.Error.ShouldEndWith("\n");
        run.Error.Count(letter => letter == '\n').ShouldBe(1);
    }

    [Fact]
    public void Mixtures_and_exports_end_where_the_model_does_and_take_all_small_files_along()
    {
        AddOthers("model");
        Done(
            "mix", "btx", "--seed", files["model"], "--expert", files["model"], "--norm-topk", "--top-k", "2", "--output",
            files["mixture"]);
        // over the older one
        Done("mix", "btx", "--seed", files["model"], "--expert", files["model"], "--output", files["mixture"]);
        Done(
            "mix", "btx", "--seed", files["model"], "--expert", files["model"], "--norm-topk", "--top-k", "2", "--format",
            "mixtral", "--output", files["mixtral-mixture"]);
        foreach (var format in new[] { "hf", "llama" })
            Done("export", files["model"], "--format", format, "--output", files[format]);
        Done("export", files["mixtral-mixture"], "--format", "mixtral", "--output", files["mixtral"]);

        foreach (var output in new[] { "mixture", "mixtral-mixture", "hf", "llama", "mixtral" })
        {
            foreach (var name in (string[])["generation_config.json", .. Others])
            {
                var (expected, found) = (File.ReadAllText(files[$"model/{name}"]), File.ReadAllText(files[$"{output}/{name}"]));
                // Exports for transformers add what its tokenizer lacks.
                if (name == "tokenizer_config.json" && output != "mixture") found.ShouldStartWith(expected[..^1]);
                else found.ShouldBe(expected, $"{output}/{name}");
            }

            JsonNode.Parse(File.ReadAllText(files[$"{output}/config.json"]))!["eos_token_id"]!.ToJsonString().ShouldBe("[2,7]");
        }

        Generated("llama").ShouldBe("end_of_text");
    }

    [Fact]
    public void The_file_that_is_written_names_all_ends()
    {
        Set("model/generation_config.json", "eos_token_id", "7");
        Done("export", files["model"], "--format", "llama", "--output", files["llama"]);
        var written = JsonNode.Parse(File.ReadAllText(files["llama/generation_config.json"]))!;
        written["eos_token_id"]!.ToJsonString().ShouldBe("[2,7]");
        written["temperature"]!.GetValue<double>().ShouldBe(0.6);
    }

    [Fact]
    public void A_byte_order_mark_is_no_damage()
    {
        Set("model/generation_config.json", "eos_token_id", "7");
        File.WriteAllText(
            files["model/generation_config.json"], "\uFEFF" + File.ReadAllText(files["model/generation_config.json"]));
        Done("mix", "btx", "--seed", files["model"], "--expert", files["model"], "--output", files["mixture"]);
        Done("export", files["model"], "--format", "llama", "--output", files["llama"]);
        foreach (var output in new[] { "mixture", "llama" })
        {
            using var written = JsonDocument.Parse(File.ReadAllBytes(files[$"{output}/generation_config.json"]));
            written.RootElement.GetProperty("eos_token_id").GetRawText().Where(char.IsDigit).ShouldBe("27");
        }
    }

    [Theory]
    [InlineData("temperature", "0.5")]
    [InlineData("suppress_tokens", "[1, 2]")]
    [InlineData("watermarking_config", "{\"ngram_len\": 5}")]
    public void A_mixture_takes_the_seeds_settings_and_says_so(string key, string value)
    {
        Directory.CreateDirectory(files["seed"]);
        foreach (var path in Directory.GetFiles(files["model"])) File.Copy(path, files[$"seed/{Path.GetFileName(path)}"]);
        Set("seed/generation_config.json", key, value);
        Set("seed/generation_config.json", "eos_token_id", "2");
        Set("seed/config.json", "pad_token_id", "3");
        var error = Done("mix", "btx", "--seed", files["seed"], "--expert", files["model"], "--output", files["mixture"]).Error;
        error.ShouldContain($"warning: {files["model"]}: eos_token_id is [2,7]; the mixture takes the seed's 2\n");
        error.ShouldContain($"warning: {files["model"]}: pad_token_id is 0; the mixture takes the seed's 3\n");
        error.ShouldContain(
            $"warning: {files["model/generation_config.json"]}: {key} differs from that of the seed, whose settings the "
            + "mixture takes\n");
        File.ReadAllText(files["mixture/generation_config.json"])
            .ShouldBe(File.ReadAllText(files["seed/generation_config.json"]));
    }

    [Fact]
    public void Training_takes_them_along()
    {
        AddOthers("model");
        var lines = Enumerable.Range(0, 60)
            .Select(i => $$"""{"text": "the man number {{i}} ran over there and then in another hat"}""");
        File.WriteAllLines(files["text.jsonl"], lines);
        Done("data", "build", "--input", files["text.jsonl"], "--tokenizer", files["model"], "--output", files["data"]);
        File.WriteAllText(files["train.yaml"], """
            model: model
            output: run
            data: [{domain: text, path: data}]
            sequence_length: 8
            batch_size: 1
            learning_rate: 0.001
            steps: 2
            """);
        Done("train", files["train.yaml"]);
        foreach (var name in (string[])["generation_config.json", "tokenizer.json", .. Others])
            File.ReadAllBytes(files[$"run/model/{name}"]).ShouldBe(File.ReadAllBytes(files[$"model/{name}"]), name);
        JsonNode.Parse(File.ReadAllText(files["run/model/config.json"]))!["eos_token_id"]!.ToJsonString().ShouldBe("[2,7]");
    }

    private void AddOthers(string model)
    {
        foreach (var name in Others)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(files[$"{model}/{name}"])!);
            File.WriteAllText(
                files[$"{model}/{name}"], name.EndsWith(".json", StringComparison.Ordinal) ? $"{{\"file\": \"{name}\"}}" : name);
        }
    }

    private string Generated(string model)
    {
        using var json = JsonDocument.Parse(
            Done("generate", files[model], "--prompt", "the an", "--temperature", "0", "--max-tokens", "8", "--json").Output);
        json.RootElement.GetProperty("ids").GetArrayLength().ShouldBe(1);
        return json.RootElement.GetProperty("stop_reason").GetString()!;
    }

    private void Set(string file, string key, string? value)
    {
        var json = JsonNode.Parse(File.ReadAllText(files[file]))!.AsObject();
        if (value is null) json.Remove(key);
        else json[key] = JsonNode.Parse(value);
        File.WriteAllText(files[file], json.ToJsonString());
    }

    private static CommandLineRun Done(params string[] arguments)
    {
        var run = CommandLineRun.Of(arguments);
        run.Status.ShouldBe(0, run.Error);
        return run;
    }
}
