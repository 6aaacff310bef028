using System.Text.Json;
using Shouldly;
using Xunit;

namespace Bam.Server.Tests;

/// <summary>The tokenizer over HTTP, as lm-evaluation-harness's remote tokenizer asks for it; models and metrics.</summary>
[Collection(ServerCollection.Name)]
public sealed class TokenizerEndpointsTests : IAsyncLifetime
{
    private TestServer server = null!;

    public async Task InitializeAsync() => server = await TestServer.Start();

    public async Task DisposeAsync() => await server.DisposeAsync();

    [Fact]
    public async Task Text_becomes_ids_and_ids_text()
    {
        var tokens = (await server.Ask("/tokenize", """{"prompt": "caf\u00e9<|endoftext|>", "add_special_tokens": false}"""))
            .GetProperty("tokens");
        tokens.GetRawText().ShouldBe("[67,65,70,95,96,159]");
        (await server.Ask("/detokenize", $$"""{"tokens": {{tokens.GetRawText()}}}""")).GetRawText()
            .ShouldBe("""{"prompt":"café<|endoftext|>"}""");
        (await server.Ask("/tokenize", """{"prompt": "a b", "return_token_strs": true}""")).GetRawText()
            .ShouldBe("""{"count":3,"max_model_len":128,"tokens":[65,0,66],"token_strs":["a","Ġ","b"]}""");
        await ErrorTests.ShouldFail(await server.Post("/tokenize", "{}"), 400, "prompt", "invalid_value", "must be a string");
        await ErrorTests.ShouldFail(
            await server.Post("/detokenize", """{"tokens": [200]}"""), 400, "tokens", "invalid_value", "from 0 to 159");
        await ErrorTests.ShouldFail(
            await server.Post("/detokenize", """{"tokens": "a"}"""), 400, "tokens", "invalid_value", "list of token ids");
    }

    [Fact]
    public async Task The_special_tokens_are_named()
    {
        var info = await server.Get("/tokenizer_info");
        info.GetProperty("eos_token").GetString().ShouldBe(TestModel.EndOfText);
        info.GetProperty("bos_token").ValueKind.ShouldBe(JsonValueKind.Null);
        info.GetProperty("chat_template").GetString()!.ShouldContain("messages");

        var model = new TestModel();
        File.WriteAllText(
            Path.Combine(model.Directory, "tokenizer_config.json"), """{"bos_token": {"content": "<s>"}, "eos_token": "</s>"}""");
        await using var configured = await TestServer.Start(model: model);
        info = await configured.Get("/tokenizer_info");
        info.GetProperty("eos_token").GetString().ShouldBe("</s>");
        info.GetProperty("bos_token").GetString().ShouldBe("<s>");
        info.GetProperty("pad_token").ValueKind.ShouldBe(JsonValueKind.Null);
    }

    [Fact]
    public async Task The_model_is_listed()
    {
        var list = await server.Get("/v1/models");
        list.GetProperty("data")[0].GetProperty("id").GetString().ShouldBe("mixture");
        list.GetProperty("data")[0].GetProperty("max_model_len").GetInt32().ShouldBe(128);
        (await server.Get("/v1/models/mixture")).GetRawText().ShouldBe(list.GetProperty("data")[0].GetRawText());
    }

    [Fact]
    public async Task Metrics_count_what_happened()
    {
        await server.Ask("/v1/completions", """{"prompt": [1, 2, 3], "max_tokens": 5, "ignore_eos": true, "n": 2}""");
        await server.Post("/v1/completions", "{");
        var lines = (await server.Client.GetStringAsync("/metrics")).Split('\n');
        Value("bam_requests_total", "endpoint=\"/v1/completions\"", "status=\"200\"").ShouldBe(1);
        Value("bam_requests_total", "endpoint=\"/v1/completions\"", "status=\"400\"").ShouldBe(1);
        Value("bam_prompt_tokens_total").ShouldBe(3);
        Value("bam_completion_tokens_total").ShouldBe(10);
        Value("bam_completion_tokens_per_second").ShouldBeInRange(1e-3, 10);
        Value("bam_time_to_first_token_seconds_count").ShouldBe(1);
        Value("bam_request_duration_seconds_count", "/v1/completions").ShouldBe(2);
        foreach (var idle in new[] { "bam_texts_running", "bam_texts_waiting", "bam_cache_tokens", "bam_cache_usage" })
            Value(idle).ShouldBe(0);

        // Read are the prompts and all new tokens but the last: 2 · (3 + 4), in each of two layers.
        var (experts, gates) = (0.0, 0.0);
        for (var layer = 0; layer < 2; layer++)
        {
            for (var expert = 0; expert < 4; expert++)
            {
                var name = new[] { "seed", "code", "math", "law" }[expert];
                string[] labels = [$"layer=\"{layer}\"", $"expert=\"{expert}\"", $"model=\"{name}\""];
                experts += Value("bam_expert_assignments_total", labels);
                gates += Value("bam_expert_attention_gate", labels);
            }
        }

        experts.ShouldBe(2 * 2 * (3 + 4));
        gates.ShouldBe(2, 1e-4);
        var layers = (await server.Get("/experts")).GetProperty("layers");
        layers[0].GetProperty("load_share").EnumerateArray().Sum(share => share.GetDouble()).ShouldBe(1, 1e-9);
        layers[1].GetProperty("load_share")[2].GetDouble()
            .ShouldBe(Value("bam_expert_load_share", "layer=\"1\"", "expert=\"2\""), 1e-9);

        double Value(string name, params string[] labels)
        {
            var line = lines.Where(
                line => line.StartsWith($"{name}{{", StringComparison.Ordinal)
                    && labels.All(label => line.Contains(label, StringComparison.Ordinal))).ShouldHaveSingleItem();
            return double.Parse(line[(line.LastIndexOf(' ') + 1)..], System.Globalization.CultureInfo.InvariantCulture);
        }
    }
}
