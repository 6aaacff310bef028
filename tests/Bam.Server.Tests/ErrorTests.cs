using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Bam.Server.Serving;
using Shouldly;
using Xunit;

namespace Bam.Server.Tests;

/// <summary>Bad input of every kind gets one JSON error, and the server goes on.</summary>
[Collection(ServerCollection.Name)]
public sealed class ErrorTests : IAsyncLifetime
{
    private const string Completions = "/v1/completions", Chat = "/v1/chat/completions";

    private TestServer server = null!;

    public async Task InitializeAsync() => server = await TestServer.Start(new ServerOptions { MaxTokens = 100, Queue = 40 });

    public async Task DisposeAsync() => await server.DisposeAsync();

    [Theory]
    [InlineData("\"prompt\": 5", "prompt", "invalid_value", "expected a string")]
    [InlineData("\"prompt\": []", "prompt", "invalid_value", "must not be empty")]
    [InlineData("\"prompt\": [[]]", "prompt", "invalid_value", "must not be empty")]
    [InlineData("\"prompt\": [1, \"a\"]", "prompt", "invalid_value", "integer from 0 to 159")]
    [InlineData("\"prompt\": [\"a\", 1]", "prompt", "invalid_value", "expected a string")]
    [InlineData("\"prompt\": [[1], \"a\"]", "prompt", "invalid_value", "expected a string")]
    [InlineData("\"prompt\": [160]", "prompt", "invalid_value", "integer from 0 to 159")]
    [InlineData("\"prompt\": [-1]", "prompt", "invalid_value", "integer from 0 to 159")]
    [InlineData("\"prompt\": [1.5]", "prompt", "invalid_value", "integer from 0 to 159")]
    [InlineData("\"prompt\": [99999999999999999999]", "prompt", "invalid_value", "integer from 0 to 159")]
    [InlineData("\"max_tokens\": -1", "max_tokens", "invalid_value", "expected an integer from 0")]
    [InlineData("\"max_tokens\": 0", "max_tokens", "invalid_value", "only with 'echo'")]
    [InlineData("\"max_tokens\": 1.5", "max_tokens", "invalid_value", "found 1.5")]
    [InlineData("\"max_tokens\": \"16\"", "max_tokens", "invalid_value", "found a string")]
    [InlineData("\"max_tokens\": 101", "max_tokens", "invalid_value", "at most 100")]
    [InlineData("\"prompt\": [1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1], \"max_tokens\": 100", "prompt",
        "context_length_exceeded", "128 tokens")]
    [InlineData("\"temperature\": -0.1", "temperature", "invalid_value", "expected a number from 0 to 2")]
    [InlineData("\"temperature\": 2.1", "temperature", "invalid_value", "expected a number from 0 to 2")]
    [InlineData("\"temperature\": \"hot\"", "temperature", "invalid_value", "found a string")]
    [InlineData("\"top_p\": 1.1", "top_p", "invalid_value", "expected a number from 0 to 1")]
    [InlineData("\"top_k\": -2", "top_k", "invalid_value", "expected an integer from -1")]
    [InlineData("\"seed\": 1e300", "seed", "invalid_value", "64-bit integer")]
    [InlineData("\"n\": 0", "n", "invalid_value", "from 1 to 128")]
    [InlineData("\"n\": 129", "n", "invalid_value", "from 1 to 128")]
    [InlineData("\"n\": 41", null, "too_many_texts", "at most 40 texts")]
    [InlineData("\"best_of\": 2", "best_of", "invalid_value", "equal to 'n'")]
    [InlineData("\"logprobs\": 21", "logprobs", "invalid_value", "from 0 to 20")]
    [InlineData("\"logprobs\": true", "logprobs", "invalid_value", "found true")]
    [InlineData("\"echo\": 1", "echo", "invalid_value", "true or false")]
    [InlineData("\"stop\": \"\"", "stop", "invalid_value", "must not be empty")]
    [InlineData("\"stop\": [\"a\", 5]", "stop", "invalid_value", "strings")]
    [InlineData("\"stop\": \"a<|endoftext|>\"", "stop", "invalid_value", "special token")]
    [InlineData("\"suffix\": \"x\"", "suffix", "unsupported_parameter", "not supported")]
    [InlineData("\"suffix\": 5", "suffix", "unsupported_parameter", "not supported")]
    [InlineData("\"logit_bias\": {\"5\": 1}", "logit_bias", "unsupported_parameter", "not supported")]
    [InlineData("\"presence_penalty\": 0.5", "presence_penalty", "unsupported_parameter", "not supported")]
    [InlineData("\"frequency_penalty\": \"a\"", "frequency_penalty", "unsupported_parameter", "not supported")]
    [InlineData("\"stream_options\": {}", "stream_options", "invalid_value", "only allowed when 'stream'")]
    [InlineData("\"stream\": true, \"stream_options\": {\"x\": 1}", "stream_options.x", "unknown_parameter", "Unknown parameter")]
    [InlineData("\"temprature\": 0", "temprature", "unknown_parameter", "Unknown parameter: 'temprature'")]
    [InlineData("\"messages\": []", "messages", "unknown_parameter", "Unknown parameter")]
    public async Task A_field_of_a_completion_that_cannot_be_used(string field, string? parameter, string code, string message)
    {
        var prompt = field.StartsWith("\"prompt\"", StringComparison.Ordinal) ? "" : "\"prompt\": \"a\", ";
        await ShouldFail(await server.Post(Completions, $"{{{prompt}{field}}}"), 400, parameter, code, message);
    }

    [Theory]
    [InlineData("\"messages\": \"Hi\"", "messages", "invalid_value", "must be a list")]
    [InlineData("\"x\": 1", "messages", "invalid_value", "must be a list")]
    [InlineData("\"messages\": []", "messages", "invalid_value", "must not be empty")]
    [InlineData("\"messages\": [5]", "messages", "invalid_value", "messages[0]")]
    [InlineData("\"messages\": [{\"content\": \"a\"}]", "messages", "invalid_value", "role")]
    [InlineData("\"messages\": [{\"role\": \"user\", \"content\": [{\"type\": \"image_url\"}]}]", "messages", "invalid_value",
        "image_url")]
    [InlineData("M, \"chat_template\": \"quiet\"", "chat_template", "no_chat_template", "'loud'")]
    [InlineData("M, \"chat_template\": \"/etc/passwd.jinja\"", "chat_template", "invalid_value", "name of one of")]
    [InlineData("\"messages\": [{\"role\": \"system\", \"content\": \"a\"}], \"chat_template\": \"loud\"", "messages",
        "invalid_value", "quiet")]
    [InlineData("M, \"top_logprobs\": 2", "top_logprobs", "invalid_value", "needs 'logprobs'")]
    [InlineData("M, \"logprobs\": 2", "logprobs", "invalid_value", "true or false")]
    [InlineData("M, \"max_tokens\": 0", "max_tokens", "invalid_value", "from 1")]
    [InlineData("M, \"max_tokens\": 5, \"max_completion_tokens\": 6", "max_tokens", "invalid_value", "must not differ")]
    [InlineData("M, \"max_completion_tokens\": 101", "max_completion_tokens", "invalid_value", "at most 100")]
    [InlineData("M, \"response_format\": {\"type\": \"json_object\"}", "response_format", "unsupported_parameter",
        "not supported")]
    [InlineData("M, \"tools\": [{\"type\": \"function\"}]", "tools", "unsupported_parameter", "not supported")]
    [InlineData("M, \"tools\": [{\"type\": \"function\"}], \"tool_choice\": \"auto\"", "tools", "unsupported_parameter",
        "changes the answer; leave it out")]
    [InlineData("M, \"reasoning_effort\": \"high\"", "reasoning_effort", "unsupported_parameter", "not supported")]
    [InlineData("M, \"verbosity\": \"low\"", "verbosity", "unsupported_parameter", "not supported")]
    [InlineData("M, \"audio\": {}", "audio", "unsupported_parameter", "not supported")]
    [InlineData("M, \"web_search_options\": {}", "web_search_options", "unsupported_parameter", "not supported")]
    [InlineData("M, \"tool_choice\": \"required\"", "tool_choice", "unsupported_parameter", "not supported")]
    [InlineData("M, \"store\": true", "store", "unsupported_parameter", "not supported")]
    [InlineData("M, \"modalities\": [\"audio\"]", "modalities", "unsupported_parameter", "not supported")]
    [InlineData("M, \"prompt\": \"a\"", "prompt", "unknown_parameter", "Unknown parameter")]
    public async Task A_field_of_a_chat_that_cannot_be_used(string fields, string parameter, string code, string message)
    {
        const string messages = "\"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}],";
        var request = $"{{{fields.Replace("M,", messages, StringComparison.Ordinal)}}}";
        await ShouldFail(await server.Post(Chat, request), 400, parameter, code, message);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("{\"prompt\": \"a\",}")]
    [InlineData("{\"prompt\": \"\\ud800\"}")]
    [InlineData("{\"\\udfff\": 1}")]
    [InlineData("{\"prompt\": NaN}")]
    public async Task A_body_that_is_not_an_object_in_json(string body)
    {
        foreach (var path in new[] { Completions, Chat, "/tokenize", "/detokenize" })
            await ShouldFail(await server.Post(path, body), 400, null, "invalid_json", "not valid JSON");
    }

    [Fact]
    public async Task A_body_that_is_not_utf8_or_too_deep()
    {
        var bytes = new ByteArrayContent([.. "{\"prompt\": \""u8, 0xE9, .. "\"}"u8]);
        bytes.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        await ShouldFail(await server.Client.PostAsync(Completions, bytes), 400, null, "invalid_json", "not UTF-8");
        var deep = $"{{\"messages\": {new string('[', 100_000)}{new string(']', 100_000)}}}";
        await ShouldFail(await server.Post(Chat, deep), 400, null, "invalid_json", "depth");
    }

    [Fact]
    public async Task A_body_that_is_too_large()
    {
        await using var small = await TestServer.Start(new ServerOptions { MaxBodyBytes = 1000 });
        await ShouldFail(
            await small.Post(Completions, $"{{\"prompt\": \"{new string('a', 2000)}\"}}"), 413, null, "body_too_large",
            "1000 bytes");
        using var chunked = new HttpRequestMessage(HttpMethod.Post, Completions);
        chunked.Content = new StreamContent(new MemoryStream(new byte[5000]));
        chunked.Headers.TransferEncodingChunked = true;
        chunked.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        await ShouldFail(await small.Client.SendAsync(chunked), 413, null, "body_too_large", "1000 bytes");
    }

    [Fact]
    public async Task Another_model_address_method_or_type()
    {
        await ShouldFail(
            await server.Post(Completions, """{"model": "gpt-4", "prompt": "a"}"""), 404, "model", "model_not_found",
            "'mixture'");
        await ShouldFail(await server.Client.GetAsync("/v1/models/gpt-4"), 404, "model", "model_not_found", "gpt-4");
        await ShouldFail(await server.Client.GetAsync("/v2"), 404, null, "unknown_url", "GET /v2");
        using var get = await server.Client.GetAsync(Completions);
        get.Content.Headers.Allow.ShouldBe(["POST"]);
        await ShouldFail(get, 405, null, "method_not_allowed", "POST alone");
        await ShouldFail(await server.Post("/health", "{}"), 405, null, "method_not_allowed", "GET alone");
        await ShouldFail(await server.Post("/metrics", "{}"), 405, null, "method_not_allowed", "GET alone");
        using var text = new StringContent("""{"prompt": "a"}""", Encoding.UTF8, "text/plain");
        await ShouldFail(
            await server.Client.PostAsync(Completions, text), 415, null, "unsupported_media_type", "application/json");
    }

    [Fact]
    public async Task A_name_that_is_not_this_machines()
    {
        foreach (var (host, status) in new[] { ("evil.example", 421), ("localhost:80", 200), ("[::1]", 200), ("127.0.0.1", 200) })
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "/health");
            request.Headers.Host = host;
            using var response = await server.Client.SendAsync(request);
            ((int)response.StatusCode).ShouldBe(status, host);
        }
    }

    [Fact]
    public async Task Without_the_key_nothing_but_the_page_and_the_health_is_served()
    {
        await using var closed = await TestServer.Start(new ServerOptions { ApiKey = "a-secret" });
        foreach (var path in new[] { "/v1/models", "/metrics", "/experts", "/tokenizer_info", "/nowhere" })
            await ShouldFail(await closed.Client.GetAsync(path), 401, null, "invalid_api_key", "Bearer");
        foreach (var key in new[] { "", "a-secre", "a-secret!", "A-SECRET" })
        {
            closed.Client.DefaultRequestHeaders.TryAddWithoutValidation("Authorization", $"Bearer {key}");
            await ShouldFail(await closed.Post(Completions, """{"prompt": "a"}"""), 401, null, "invalid_api_key", "Bearer");
            closed.Client.DefaultRequestHeaders.Remove("Authorization");
        }

        (await closed.Client.GetAsync("/v1/models?api_key=a-secret")).StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        (await closed.Client.GetAsync("/health")).StatusCode.ShouldBe(HttpStatusCode.OK);
        (await closed.Client.GetAsync("/")).StatusCode.ShouldBe(HttpStatusCode.OK);
        closed.Client.DefaultRequestHeaders.Authorization = new("Bearer", "a-secret");
        (await closed.Client.GetAsync("/metrics")).StatusCode.ShouldBe(HttpStatusCode.OK);
        (await closed.Ask(Completions, """{"prompt": "a"}""")).GetProperty("choices").GetArrayLength().ShouldBe(1);
    }

    [Fact]
    public async Task No_other_origin_is_allowed()
    {
        using var request = new HttpRequestMessage(HttpMethod.Options, Completions);
        request.Headers.Add("Origin", "https://evil.example");
        request.Headers.Add("Access-Control-Request-Method", "POST");
        using var response = await server.Client.SendAsync(request);
        response.StatusCode.ShouldBe(HttpStatusCode.MethodNotAllowed);
        response.Headers.ShouldNotContain(header => header.Key.StartsWith("Access-Control", StringComparison.OrdinalIgnoreCase));
    }

    [Fact]
    public async Task Bytes_that_are_no_http()
    {
        using (var client = new TcpClient())
        {
            await client.ConnectAsync(server.Address.Host, server.Address.Port);
            await client.GetStream().WriteAsync("\0\0 nonsense\r\n\r\n"u8.ToArray());
            var answer = await new StreamReader(client.GetStream()).ReadToEndAsync();
            answer.ShouldStartWith("HTTP/1.1 400");
        }

        (await server.Client.GetStringAsync("/health")).ShouldBe("""{"status":"ok"}""");
    }

    internal static async Task ShouldFail(
        HttpResponseMessage response, int status, string? parameter, string code, string message)
    {
        using (response)
        {
            var body = await response.Content.ReadAsStringAsync();
            ((int)response.StatusCode).ShouldBe(status, body);
            response.Content.Headers.ContentType!.MediaType.ShouldBe("application/json");
            var root = JsonElement.Parse(body);
            root.EnumerateObject().Select(field => field.Name).ShouldBe(["error"]);
            var error = root.GetProperty("error");
            error.EnumerateObject().Select(field => field.Name).ShouldBe(["message", "type", "param", "code"]);
            error.GetProperty("message").GetString()!.ShouldContain(message);
            error.GetProperty("type").GetString().ShouldBe(status switch
            {
                429 => "rate_limit_error",
                >= 500 => "server_error",
                _ => "invalid_request_error",
            });
            error.GetProperty("param").GetString().ShouldBe(parameter, body);
            error.GetProperty("code").GetString().ShouldBe(code, body);
        }
    }
}
