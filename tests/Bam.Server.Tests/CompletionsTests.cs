using System.Text.Json;
using Bam.Generation;
using Shouldly;
using Xunit;

namespace Bam.Server.Tests;

/// <summary>/v1/completions, as OpenAI's interface has it and lm-evaluation-harness uses it.</summary>
[Collection(ServerCollection.Name)]
public sealed class CompletionsTests : IAsyncLifetime
{
    private const string Path = "/v1/completions";

    private TestServer server = null!;

    public async Task InitializeAsync() => server = await TestServer.Start();

    public async Task DisposeAsync() => await server.DisposeAsync();

    [Fact]
    public async Task A_scored_prompt_has_one_entry_for_each_token_and_one_for_the_new_one()
    {
        var answer = await server.Ask(Path, """
            {"model": "mixture", "prompt": [[41, 42, 43, 44, 45], [46], [47, 48]], "temperature": 0, "max_tokens": 1,
            "logprobs": 1, "seed": 1234, "echo": true}
            """);
        var choices = answer.GetProperty("choices");
        choices.EnumerateArray().Select(choice => choice.GetProperty("index").GetInt32()).ShouldBe([0, 1, 2]);
        foreach (var (choice, length) in choices.EnumerateArray().Zip([5, 1, 2]))
        {
            var logprobs = choice.GetProperty("logprobs");
            foreach (var list in new[] { "tokens", "token_logprobs", "top_logprobs", "text_offset" })
                logprobs.GetProperty(list).GetArrayLength().ShouldBe(length + 1, list);
            logprobs.GetProperty("token_logprobs")[0].ValueKind.ShouldBe(JsonValueKind.Null);
            logprobs.GetProperty("top_logprobs")[0].ValueKind.ShouldBe(JsonValueKind.Null);
            // The new token is the greedy one: the same number, digit by digit.
            var (own, top) = (logprobs.GetProperty("token_logprobs")[length], logprobs.GetProperty("top_logprobs")[length]);
            top.EnumerateObject().Select(entry => entry.Value.GetRawText()).ShouldBe([own.GetRawText()]);
        }

        answer.GetProperty("usage").GetRawText().ShouldBe("""{"prompt_tokens":8,"completion_tokens":3,"total_tokens":11}""");
    }

    [Fact]
    public async Task The_scores_of_a_prompt_are_those_that_its_tokens_get_when_they_are_generated()
    {
        var generated = await server.Ask(
            Path, """{"prompt": [41, 42], "temperature": 0, "max_tokens": 6, "logprobs": 2, "trace_routing": true}""");
        var ids = generated.GetProperty("choices")[0].GetProperty("bam").GetProperty("tokens").EnumerateArray()
            .Select(token => token.GetProperty("id").GetInt32()).ToList();
        var scored = await server.Ask(
            Path, $$"""{"prompt": [41, 42, {{string.Join(", ", ids)}}], "max_tokens": 0, "logprobs": 2, "echo": true}""");
        var (of, among) = (LogProbs(generated), LogProbs(scored));
        among.Count.ShouldBe(2 + ids.Count);
        among[2..].ShouldBe(of);
        of.Count.ShouldBe(6);
        scored.GetProperty("usage").GetProperty("completion_tokens").GetInt32().ShouldBe(0);

        static List<string> LogProbs(JsonElement answer) =>
        [
            .. answer.GetProperty("choices")[0].GetProperty("logprobs").GetProperty("token_logprobs").EnumerateArray()
                .Select(value => value.GetRawText()),
        ];
    }

    [Fact]
    public async Task A_prompt_that_ends_a_text_at_once_still_has_an_entry_for_the_end()
    {
        // Every id ends the text: the model's choice is certainly among them.
        var stops = JsonSerializer.Serialize(
            Enumerable.Range(0, TestModel.EndOfTextId).Select(id => server.Model.Tokenizer.Decode([id])));
        var answer = await server.Ask(
            Path, $$"""{"prompt": "ab", "max_tokens": 1, "temperature": 0, "logprobs": 1, "echo": true, "stop": {{stops}}}""");
        var choice = answer.GetProperty("choices")[0];
        choice.GetProperty("logprobs").GetProperty("token_logprobs").GetArrayLength().ShouldBe(3);
        choice.GetProperty("text").GetString().ShouldBe("ab");
        choice.GetProperty("finish_reason").GetString().ShouldBe("stop");
    }

    [Theory]
    [InlineData("\"Once\"", 1)]
    [InlineData("[\"Once\", \"upon\", \"a\"]", 3)]
    [InlineData("[47, 78, 67, 69]", 1)]
    [InlineData("[[47, 78], [67]]", 2)]
    [InlineData("\"\"", 1)]
    [InlineData("null", 1)]
    public async Task A_prompt_is_text_or_ids_one_or_many(string prompt, int count)
    {
        var answer = await server.Ask(Path, $$"""{"prompt": {{prompt}}, "max_tokens": 2, "n": 2, "best_of": 2}""");
        answer.GetProperty("object").GetString().ShouldBe("text_completion");
        answer.GetProperty("choices").GetArrayLength().ShouldBe(2 * count);
    }

    [Fact]
    public async Task Text_and_ids_give_the_same_text()
    {
        var (text, ids) = (
            await server.Ask(Path, """{"prompt": "Once", "max_tokens": 20, "seed": 7}"""),
            await server.Ask(Path, """{"prompt": [47, 78, 67, 69], "max_tokens": 20, "seed": 7}"""));
        Text(text).ShouldBe(Text(ids));
        Text(text).ShouldBe(server.Model.Tokenizer.Decode(
            TestServer.Alone(server.Model, [47, 78, 67, 69], 20, new SamplerOptions { Seed = 7 }), skipSpecialTokens: true));
    }

    [Fact]
    public async Task An_echoed_prompt_begins_the_text()
    {
        var answer = await server.Ask(
            Path, """{"prompt": "caf\u00e9 x", "max_tokens": 3, "echo": true, "temperature": 0, "logprobs": 0}""");
        Text(answer).ShouldStartWith("café x");
        var logprobs = answer.GetProperty("choices")[0].GetProperty("logprobs");
        // c a f, two bytes of é, space, x
        logprobs.GetProperty("tokens").EnumerateArray().Take(7).Select(token => token.GetString())
            .ShouldBe(["c", "a", "f", @"bytes:\xc3", @"bytes:\xa9", " ", "x"]);
        logprobs.GetProperty("text_offset").EnumerateArray().Take(8).Select(offset => offset.GetInt32())
            .ShouldBe([0, 1, 2, 3, 3, 4, 5, 6]);
        logprobs.GetProperty("top_logprobs")[1].EnumerateObject().Single().Name.ShouldBe("a");
    }

    [Fact]
    public async Task Several_texts_differ_and_a_seed_repeats_them()
    {
        const string request = """{"prompt": "Once", "max_tokens": 16, "n": 3, "seed": 5}""";
        var first = Texts(await server.Ask(Path, request));
        first.Distinct().Count().ShouldBe(3);
        Texts(await server.Ask(Path, request)).ShouldBe(first);
        Texts(await server.Ask(Path, """{"prompt": "Once", "max_tokens": 16, "seed": 5}""")).ShouldBe(first.Take(1));
        Texts(await server.Ask(Path, """{"prompt": "Once", "max_tokens": 16, "seed": 6}""")).ShouldBe(first.Skip(1).Take(1));
    }

    [Theory]
    [InlineData("\"top_k\": 1")]
    [InlineData("\"top_p\": 0")]
    [InlineData("\"temperature\": 0")]
    public async Task Greedy_decoding_can_be_asked_for_in_three_ways(string setting)
    {
        var greedy = TestServer.Alone(server.Model, [47], 12, new SamplerOptions { Temperature = 0 });
        Text(await server.Ask(Path, $$"""{"prompt": [47], "max_tokens": 12, {{setting}}}"""))
            .ShouldBe(server.Model.Tokenizer.Decode(greedy, skipSpecialTokens: true));
    }

    [Fact]
    public async Task A_stop_string_ends_the_text_wherever_tokens_end()
    {
        var whole = Text(await server.Ask(Path, """{"prompt": "Once", "max_tokens": 60, "seed": 3}"""));
        var stop = whole.Substring(whole.Length / 2, 3);
        var stops = JsonSerializer.Serialize(new[] { "never", "there", "six", "of", "them are!", stop });
        var choice = (await server.Ask(Path, $$"""{"prompt": "Once", "max_tokens": 60, "seed": 3, "stop": {{stops}}}"""))
            .GetProperty("choices")[0];
        choice.GetProperty("text").GetString().ShouldBe(whole[..whole.IndexOf(stop, StringComparison.Ordinal)]);
        choice.GetProperty("finish_reason").GetString().ShouldBe("stop");
        Text(await server.Ask(Path, """{"prompt": "Once", "max_tokens": 60, "seed": 3, "stop": []}""")).ShouldBe(whole);
    }

    [Fact]
    public async Task A_text_ends_at_the_end_of_text_unless_that_is_ignored()
    {
        // A seed under which the model ends the text early.
        var seed = Enumerable.Range(0, 500).First(
            seed => TestServer.Alone(server.Model, [47], 60, new SamplerOptions { Seed = seed }) is { Length: < 60 });
        var ended = await server.Ask(Path, $$"""{"prompt": [47], "max_tokens": 60, "seed": {{seed}}}""");
        ended.GetProperty("choices")[0].GetProperty("finish_reason").GetString().ShouldBe("stop");
        Text(ended).ShouldNotContain(TestModel.EndOfText);
        var whole = await server.Ask(Path, $$"""{"prompt": [47], "max_tokens": 60, "seed": {{seed}}, "ignore_eos": true}""");
        whole.GetProperty("choices")[0].GetProperty("finish_reason").GetString().ShouldBe("length");
        whole.GetProperty("usage").GetProperty("completion_tokens").GetInt32().ShouldBe(60);
        Text(whole).ShouldStartWith(Text(ended));
    }

    [Fact]
    public async Task Without_a_number_a_text_has_16_tokens_or_what_the_context_leaves()
    {
        Tokens(await server.Ask(Path, """{"prompt": "a", "ignore_eos": true}""")).ShouldBe(16);
        Tokens(await server.Ask(
            Path, $$"""{"prompt": "{{new string('a', 125)}}", "ignore_eos": true}""")).ShouldBe(3);

        static int Tokens(JsonElement answer) => answer.GetProperty("usage").GetProperty("completion_tokens").GetInt32();
    }

    [Fact]
    public async Task Values_that_change_nothing_are_accepted() => Text(await server.Ask(Path, """
        {"model": "mixture", "prompt": "a", "max_tokens": 4, "temperature": 0, "presence_penalty": 0, "frequency_penalty": 0.0,
        "logit_bias": {}, "suffix": null, "user": "someone", "top_k": -1, "min_p": 0, "repetition_penalty": 1.0, "stream": false,
        "stop": null, "logprobs": null, "n": 1.0}
        """)).ShouldBe(Text(await server.Ask(Path, """{"prompt": "a", "max_tokens": 4, "temperature": 0}""")));

    private static string Text(JsonElement answer) => Texts(answer)[0];

    private static List<string> Texts(JsonElement answer) =>
        [.. answer.GetProperty("choices").EnumerateArray().Select(choice => choice.GetProperty("text").GetString()!)];
}
