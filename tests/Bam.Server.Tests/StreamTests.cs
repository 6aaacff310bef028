using System.Text;
using System.Text.Json;
using Bam.Generation;
using Shouldly;
using Xunit;

namespace Bam.Server.Tests;

/// <summary>Streams, chunk by chunk and byte by byte.</summary>
[Collection(ServerCollection.Name)]
public sealed class StreamTests : IAsyncLifetime
{
    private TestServer server = null!;

    public async Task InitializeAsync() => server = await TestServer.Start();

    public async Task DisposeAsync() => await server.DisposeAsync();

    [Theory]
    [InlineData("/v1/completions", "\"prompt\": \"Once\"", "text_completion")]
    [InlineData("/v1/chat/completions", "\"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}]", "chat.completion.chunk")]
    public async Task Chunks_have_one_head_and_together_the_whole_text(string path, string input, string kind)
    {
        var request = $$"""{{{input}}, "max_tokens": 24, "seed": 11, "n": 2""";
        var whole = await server.Ask(path, request + "}");
        var chunks = await server.Stream(path, request + """, "stream": true, "stream_options": {"include_usage": true}}""");
        foreach (var name in new[] { "id", "created", "model" })
            chunks.Select(chunk => chunk.GetProperty(name).GetRawText()).Distinct().Count().ShouldBe(1, name);
        chunks.ShouldAllBe(chunk => chunk.GetProperty("object").GetString() == kind);

        chunks[^1].GetProperty("choices").GetArrayLength().ShouldBe(0);
        chunks[^1].GetProperty("usage").GetRawText().ShouldBe(whole.GetProperty("usage").GetRawText());
        var parts = chunks.SkipLast(1).ToList();
        parts.Any(chunk => chunk.TryGetProperty("usage", out _)).ShouldBeFalse();
        for (var index = 0; index < 2; index++)
        {
            var own = parts.Select(chunk => chunk.GetProperty("choices")[0])
                .Where(choice => choice.GetProperty("index").GetInt32() == index).ToList();
            string.Concat(own.Select(TextOf)).ShouldBe(TextOf(whole.GetProperty("choices")[index]));
            own.SkipLast(1).ShouldAllBe(choice => choice.GetProperty("finish_reason").ValueKind == JsonValueKind.Null);
            own[^1].GetProperty("finish_reason").GetString()
                .ShouldBe(whole.GetProperty("choices")[index].GetProperty("finish_reason").GetString());
            if (!own[0].TryGetProperty("delta", out var first)) continue;
            first.GetProperty("role").GetString().ShouldBe("assistant");
            own.Skip(1).Any(choice => choice.GetProperty("delta").TryGetProperty("role", out _)).ShouldBeFalse();
        }
    }

    [Fact]
    public async Task The_bytes_are_events_and_an_end()
    {
        using var response = await server.Post(
            "/v1/completions", """{"prompt": "a", "max_tokens": 1, "temperature": 0, "stream": true}""");
        response.Content.Headers.ContentType!.ToString().ShouldBe("text/event-stream; charset=utf-8");
        var bytes = await response.Content.ReadAsByteArrayAsync();
        var text = new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(bytes);
        var lines = text.Split('\n');
        lines[^3..].ShouldBe(["data: [DONE]", "", ""]);
        for (var i = 0; i < lines.Length - 1; i++)
        {
            if (i % 2 == 1) lines[i].ShouldBe("");
            else lines[i].ShouldMatch(@"^data: (\{.*\}|\[DONE\])$");
        }

        // Without include_usage there is no chunk without choices.
        lines.Where(line => line.StartsWith("data: {", StringComparison.Ordinal))
            .ShouldAllBe(line => line.Contains("\"choices\":[{\"index\":0", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Characters_that_span_tokens_are_never_cut()
    {
        var seen = 0;
        for (var seed = 0; seed < 12; seed++)
        {
            var ids = TestServer.Alone(server.Model, [47], 100, new SamplerOptions { Seed = seed, Temperature = 1.5 });
            var chunks = await server.Stream(
                "/v1/completions",
                $$"""{"prompt": [47], "max_tokens": 100, "seed": {{seed}}, "temperature": 1.5, "stream": true}""");
            var texts = chunks.Select(chunk => TextOf(chunk.GetProperty("choices")[0])).ToList();
            var whole = server.Model.Tokenizer.Decode(ids, skipSpecialTokens: true);
            string.Concat(texts).ShouldBe(whole);
            seen += whole.Count(letter => letter == 'é');
        }

        seen.ShouldBeGreaterThan(3);  // the two bytes of é are always in two tokens
    }

    [Fact]
    public async Task A_stop_string_that_spans_tokens_is_never_sent()
    {
        for (var seed = 0; seed < 8; seed++)
        {
            var request = $"\"prompt\": \"Once\", \"max_tokens\": 80, \"seed\": {seed}, \"ignore_eos\": true, \"stream\": true";
            var whole = await Text($"{{{request}}}");
            for (var length = 2; length <= 6; length += 2)
            {
                var stop = whole.Substring(whole.Length / 2, length);
                var text = await Text($"{{{request}, \"stop\": {JsonSerializer.Serialize(stop)}}}");
                text.ShouldBe(whole[..whole.IndexOf(stop, StringComparison.Ordinal)]);
            }
        }

        async Task<string> Text(string request) => string.Concat(
            (await server.Stream("/v1/completions", request)).Select(chunk => TextOf(chunk.GetProperty("choices")[0])));
    }

    [Fact]
    public async Task What_is_held_back_at_the_end_is_sent()
    {
        var ids = TestServer.Alone(server.Model, [47], 100, new SamplerOptions { Seed = 3, Temperature = 1.5 });
        var half = Array.FindIndex(ids, startIndex: 3, id => server.Model.Tokenizer.IdToToken(id)!.EndsWith('Ã'));
        half.ShouldBeGreaterThan(0);
        var request = $"\"prompt\": [47], \"max_tokens\": {half + 1}, \"seed\": 3, \"temperature\": 1.5";
        var whole = server.Model.Tokenizer.Decode(ids.AsSpan(..(half + 1)));
        whole.ShouldEndWith("\uFFFD");
        // What could begin a stop string is text if the text ends there.
        foreach (var stop in new[] { "never", $"{whole[^2..]}never" })
        {
            var body = $"{request}, \"stop\": {JsonSerializer.Serialize(stop)}";
            TextOf((await server.Ask("/v1/completions", $"{{{body}}}")).GetProperty("choices")[0]).ShouldBe(whole);
            var chunks = await server.Stream("/v1/completions", $"{{{body}, \"stream\": true}}");
            string.Concat(chunks.Select(chunk => TextOf(chunk.GetProperty("choices")[0]))).ShouldBe(whole);
            TextOf(chunks[^1].GetProperty("choices")[0]).ShouldBe("");
        }
    }

    [Fact]
    public async Task Each_token_comes_with_its_experts()
    {
        var chunks = await server.Stream(
            "/v1/completions",
            """{"prompt": "Once", "max_tokens": 9, "temperature": 0, "stream": true, "trace_routing": true}""");
        var tokens = chunks.SelectMany(
            chunk => chunk.GetProperty("choices")[0].GetProperty("bam").GetProperty("tokens").EnumerateArray()).ToList();
        tokens.Select(token => token.GetProperty("id").GetInt32())
            .ShouldBe(TestServer.Alone(server.Model, [47, 78, 67, 69], 9, new SamplerOptions { Temperature = 0 }));
        foreach (var token in tokens.SkipLast(1))
        {
            token.GetProperty("experts").EnumerateArray().Select(layer => layer.GetArrayLength()).ShouldBe([1, 1]);
            foreach (var gates in token.GetProperty("gates").EnumerateArray())
                gates.EnumerateArray().Sum(gate => gate.GetDouble()).ShouldBe(1, 1e-5);
        }

        tokens[^1].GetProperty("experts").ValueKind.ShouldBe(JsonValueKind.Null);
        var text = string.Concat(chunks.Select(chunk => TextOf(chunk.GetProperty("choices")[0])));
        text.ShouldStartWith(string.Concat(tokens.Select(token => token.GetProperty("text").GetString())));
    }

    [Fact]
    public async Task Probabilities_come_with_the_tokens()
    {
        const string request = "\"prompt\": \"Once\", \"max_tokens\": 12, \"seed\": 2, \"logprobs\": 3, \"echo\": true";
        var whole = (await server.Ask("/v1/completions", $"{{{request}}}")).GetProperty("choices")[0].GetProperty("logprobs");
        var chunks = await server.Stream("/v1/completions", $"{{{request}, \"stream\": true}}");
        foreach (var list in new[] { "tokens", "token_logprobs", "top_logprobs", "text_offset" })
        {
            var parts = chunks.SelectMany(
                chunk => chunk.GetProperty("choices")[0].GetProperty("logprobs").GetProperty(list).EnumerateArray());
            parts.Select(part => part.GetRawText()).ShouldBe(
                whole.GetProperty(list).EnumerateArray().Select(part => part.GetRawText()), list);
        }

        whole.GetProperty("tokens").GetArrayLength().ShouldBe(16);
    }

    private static string TextOf(JsonElement choice) =>
        choice.TryGetProperty("text", out var text) ? text.GetString()!
            : choice.TryGetProperty("message", out var message) ? message.GetProperty("content").GetString()!
            : choice.GetProperty("delta").TryGetProperty("content", out var content) ? content.GetString()! : "";
}
