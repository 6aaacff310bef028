using Bam.Generation;
using Shouldly;
using Xunit;

namespace Bam.Server.Tests;

/// <summary>/v1/chat/completions, with the templates of the model.</summary>
[Collection(ServerCollection.Name)]
public sealed class ChatTests : IAsyncLifetime
{
    private const string Path = "/v1/chat/completions";

    private TestServer server = null!;

    public async Task InitializeAsync() => server = await TestServer.Start();

    public async Task DisposeAsync() => await server.DisposeAsync();

    [Theory]
    [InlineData("", "system: be brief; user: Hi; assistant: ")]
    [InlineData(", \"chat_template\": \"loud\"", null)]
    public async Task An_answer_follows_the_rendered_messages(string template, string? rendered)
    {
        var system = rendered is null ? "" : """{"role": "system", "content": "be brief"},""";
        var answer = await server.Ask(
            Path, $$"""
            {"messages": [{{system}} {"role": "user", "content": [{"type": "text", "text": "Hi"}]}], "max_completion_tokens": 10,
            "seed": 4, "ignore_eos": true{{template}}}
            """);
        var ids = server.Model.Tokenizer.Encode(rendered ?? "HI!");
        var choice = answer.GetProperty("choices")[0];
        choice.GetProperty("message").GetProperty("role").GetString().ShouldBe("assistant");
        var alone = TestServer.Alone(server.Model, ids, 10, new SamplerOptions { Seed = 4 });
        choice.GetProperty("message").GetProperty("content").GetString()!.ShouldStartWith(
            server.Model.Tokenizer.Decode(alone, skipSpecialTokens: true));
        answer.GetProperty("usage").GetProperty("prompt_tokens").GetInt32().ShouldBe(ids.Length);
        answer.GetProperty("object").GetString().ShouldBe("chat.completion");
    }

    [Fact]
    public async Task Without_a_number_an_answer_may_fill_the_context()
    {
        var answer = await server.Ask(Path, """{"messages": [{"role": "user", "content": "Hi"}], "ignore_eos": true}""");
        answer.GetProperty("usage").GetProperty("total_tokens").GetInt32().ShouldBe(TestModel.Context);
        answer.GetProperty("choices")[0].GetProperty("finish_reason").GetString().ShouldBe("length");
    }

    [Fact]
    public async Task Probabilities_come_with_their_bytes()
    {
        var answer = await server.Ask(
            Path, """
            {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 5, "temperature": 0, "logprobs": true,
            "top_logprobs": 3}
            """);
        var tokens = answer.GetProperty("choices")[0].GetProperty("logprobs").GetProperty("content");
        tokens.GetArrayLength().ShouldBe(5);
        foreach (var token in tokens.EnumerateArray())
        {
            var top = token.GetProperty("top_logprobs");
            top.GetArrayLength().ShouldBe(3);
            top[0].GetProperty("token").GetString().ShouldBe(token.GetProperty("token").GetString());
            top[0].GetProperty("logprob").GetRawText().ShouldBe(token.GetProperty("logprob").GetRawText());
            token.GetProperty("bytes").GetArrayLength().ShouldBeGreaterThan(0);
        }
    }

    [Fact]
    public async Task Values_that_change_nothing_are_accepted() => (await server.Ask(Path, """
        {"model": "mixture", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 2,
        "response_format": {"type": "text"},
        "tools": [], "tool_choice": "none", "store": false, "modalities": ["text"], "metadata": {"a": "b"},
        "service_tier": "auto", "parallel_tool_calls": true, "functions": [], "function_call": "none", "logit_bias": {},
        "presence_penalty": 0, "frequency_penalty": 0.0, "verbosity": "medium", "reasoning_effort": "none", "audio": null,
        "prediction": {"type": "content", "content": "Hello"}, "prompt_cache_key": "a", "prompt_cache_retention": "24h"}
        """)).GetProperty("choices").GetArrayLength().ShouldBe(1);

    [Fact]
    public async Task An_answer_is_continued()
    {
        var answer = await server.Ask(
            Path, """
            {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Well"}], "max_tokens": 3}
            """);
        answer.GetProperty("usage").GetProperty("prompt_tokens").GetInt32()
            .ShouldBe(server.Model.Tokenizer.Encode("user: Hi; assistant: Well").Length);
    }
}
