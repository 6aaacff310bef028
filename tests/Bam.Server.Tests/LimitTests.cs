using System.Net;
using System.Text.Json;
using Bam.Models;
using Bam.Server.Serving;
using Shouldly;
using Xunit;

namespace Bam.Server.Tests;

/// <summary>What a server does when it is full, slow, stopping or broken, and when clients leave.</summary>
[Collection(ServerCollection.Name)]
public sealed class LimitTests
{
    private const string Completions = "/v1/completions";

    // As long as the context allows.
    private const string Long = """{"prompt": "a", "max_tokens": 120, "ignore_eos": true, "n": 8}""";

    [Fact]
    public async Task A_full_queue_says_when_to_come_back()
    {
        await using var server = await TestServer.Start(new ServerOptions { Slots = 1, Queue = 8 });
        var running = new List<Task<HttpResponseMessage>>();
        HttpResponseMessage? refused = null;
        while (refused is null)
        {
            running.Add(server.Post(Completions, Long));
            refused = running.Where(task => task.IsCompletedSuccessfully).Select(task => task.Result)
                .FirstOrDefault(response => response.StatusCode == HttpStatusCode.TooManyRequests);
            await Task.Delay(5);
        }

        refused.Headers.RetryAfter!.Delta.ShouldBe(TimeSpan.FromSeconds(1));
        await ErrorTests.ShouldFail(refused, 429, null, "rate_limit_exceeded", "queue is full");
        var all = await Task.WhenAll(running);
        all.ShouldContain(response => response.StatusCode == HttpStatusCode.OK);
        all.Select(response => response.StatusCode).Distinct()
            .ShouldBeSubsetOf([HttpStatusCode.OK, HttpStatusCode.TooManyRequests]);
        server.Served.Scheduler.Load.ShouldBe((0, 0, 0));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_client_that_leaves_ends_its_texts(bool stream)
    {
        await using var server = await TestServer.Start(new ServerOptions { Slots = 2 });
        using var leaving = new CancellationTokenSource();
        var request = server.Post(Completions, Long[..^1] + $", \"stream\": {(stream ? "true" : "false")}}}", leaving.Token);
        await Until(() => server.Served.Scheduler.Load.Running > 0);
        await leaving.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(async () =>
        {
            using var response = await request;
            await response.Content.ReadAsByteArrayAsync(leaving.Token);
        });
        await Until(() => server.Served.Scheduler.Load is { Running: 0, Waiting: 0 });
        server.Served.Scheduler.Counts.Decoded.ShouldBeLessThan(8 * 120);
    }

    [Fact]
    public async Task A_request_that_takes_too_long_is_ended()
    {
        await using var server = await TestServer.Start(new ServerOptions { Slots = 1, Timeout = TimeSpan.FromMilliseconds(30) });
        await ErrorTests.ShouldFail(await server.Post(Completions, Long), 504, null, "timeout", "longer than 0.03 s");
        using var response = await server.Post(Completions, Long[..^1] + ", \"stream\": true}");
        var events = (await response.Content.ReadAsStringAsync()).Split("\n\n", StringSplitOptions.RemoveEmptyEntries);
        JsonElement.Parse(events[^1]["data: ".Length..]).GetProperty("error").GetProperty("code").GetString().ShouldBe("timeout");
        await Until(() => server.Served.Scheduler.Load is { Running: 0, Waiting: 0 });
    }

    [Fact]
    public async Task A_server_that_stops_finishes_what_runs_and_takes_nothing_new()
    {
        await using var server = await TestServer.Start(new ServerOptions { Slots = 2 });
        var running = server.Post(Completions, Long);
        await Until(() => server.Served.Scheduler.Load.Running > 0);
        var stopping = server.Stop();
        await Until(() => server.Served.IsStopping);
        var refused = await server.Post(Completions, """{"prompt": "a"}""");
        refused.Headers.RetryAfter.ShouldNotBeNull();
        await ErrorTests.ShouldFail(refused, 503, null, "server_stopping", "stopping");
        await ErrorTests.ShouldFail(await server.Client.GetAsync("/health"), 503, null, "server_stopping", "stopping");
        using var response = await running;
        response.StatusCode.ShouldBe(HttpStatusCode.OK);
        var answer = JsonElement.Parse(await response.Content.ReadAsStringAsync());
        answer.GetProperty("usage").GetProperty("completion_tokens").GetInt32().ShouldBe(8 * 120);
        await stopping;
    }

    [Fact]
    public async Task A_server_that_stops_does_not_wait_for_ever()
    {
        await using var server = await TestServer.Start(
            new ServerOptions { Slots = 1, StopPatience = TimeSpan.FromMilliseconds(20) });
        var running = server.Post(Completions, Long);
        await Until(() => server.Served.Scheduler.Load.Running > 0);
        await server.Stop();
        await ErrorTests.ShouldFail(await running, 503, null, "server_stopping", "stopping");
    }

    [Fact]
    public async Task A_broken_model_fails_the_request_and_not_the_server()
    {
        await using var server = await TestServer.Start();
        var values = server.Model.Model.Parameters.Values;
        var before = ModelCheckpoint.Read(values, server.Model.Model.Slices[0]);
        ModelCheckpoint.Write(values, server.Model.Model.Slices[0], Enumerable.Repeat(float.NaN, before.Length).ToArray());
        await ErrorTests.ShouldFail(
            await server.Post(Completions, """{"prompt": "a"}"""), 500, null, "internal_error", "weights are damaged");
        using (var stream = await server.Post(Completions, """{"prompt": "a", "stream": true}"""))
            (await stream.Content.ReadAsStringAsync()).ShouldContain("weights are damaged");
        ModelCheckpoint.Write(values, server.Model.Model.Slices[0], before);
        (await server.Ask(Completions, """{"prompt": "a"}""")).GetProperty("choices").GetArrayLength().ShouldBe(1);
    }

    [Fact]
    public async Task An_answer_has_a_limited_number_of_probabilities()
    {
        await using var server = await TestServer.Start(new ServerOptions { MaxLogProbs = 100 });
        const string most = """{"prompt": "aaaaa", "max_tokens": 5, "n": 2, "logprobs": 4, "echo": true""";
        (await server.Ask(Completions, most + "}")).GetProperty("choices").GetArrayLength().ShouldBe(2);
        var more = most.Replace("\"max_tokens\": 5", "\"max_tokens\": 6", StringComparison.Ordinal);
        await ErrorTests.ShouldFail(
            await server.Post(Completions, more + "}"), 400, null, "too_many_logprobs",
            "at most 100 probabilities here, found 110");
    }

    [Fact]
    public async Task A_model_without_a_chat_template_says_so()
    {
        await using var server = await TestServer.Start(model: new TestModel(hasChatTemplate: false));
        await ErrorTests.ShouldFail(
            await server.Post("/v1/chat/completions", """{"messages": [{"role": "user", "content": "Hi"}]}"""), 400, null,
            "no_chat_template", "chat template");
        (await server.Get("/tokenizer_info")).GetProperty("chat_template").ValueKind.ShouldBe(JsonValueKind.Null);
    }

    private static async Task Until(Func<bool> condition)
    {
        for (var i = 0; i < 40_000 && !condition(); i++) await Task.Delay(5);
        condition().ShouldBeTrue();
    }
}
