using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Shouldly;
using Xunit;

namespace Bam.Cli.Tests.Commands;

/// <summary><c>bam serve</c> as a process: where it listens, how it ends, and what it refuses.</summary>
public sealed class ServeTests : IDisposable
{
    private readonly string root = Directory.CreateTempSubdirectory("bam-test-").FullName;

    public void Dispose() => Directory.Delete(root, recursive: true);

    [SkippableTheory]
    [InlineData("TERM")]
    [InlineData("INT")]
    public async Task It_serves_until_a_signal_and_then_finishes_what_runs(string signal)
    {
        IgnoredSignals.Skip(signal);
        using var process = TrainProcess.StartBam(
            "serve", Model(), "--port", "0", "--slots", "2", "--context", "100", "--api-key", "a-secret");
        try
        {
            using var client = new HttpClient();
            client.BaseAddress = new Uri((await process.StandardOutput.ReadLineAsync())!);
            client.BaseAddress.Host.ShouldBe("127.0.0.1");
            (await client.GetStringAsync("/health")).ShouldBe("""{"status":"ok"}""");
            (await client.GetAsync("/v1/models")).StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
            client.DefaultRequestHeaders.Authorization = new("Bearer", "a-secret");
            using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/completions");
            request.Content = new StringContent(
                """{"prompt": "a", "max_tokens": 99, "n": 60, "stream": true}""", Encoding.UTF8, "application/json");
            using var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
            response.EnsureSuccessStatusCode();
            using var kill = Process.Start("kill", [$"-{signal}", process.Id.ToString(CultureInfo.InvariantCulture)]);
            (await response.Content.ReadAsStringAsync()).ShouldEndWith("data: [DONE]\n\n");
        }
        catch
        {
            process.Kill();
            throw;
        }

        var run = TrainProcess.Finish(process);
        run.ShouldBeDone();
        run.Error.ShouldStartWith("serving bam-expert-kv: 2 texts side by side, 100 tokens each; keys and values ");
        run.Error.ShouldContain("running requests may end within 30 s");
        run.Error.ShouldNotContain("a-secret");
    }

    [Fact]
    public async Task The_key_may_come_from_the_environment_and_the_address_as_json()
    {
        var start = new ProcessStartInfo(
            "env",
            [
                "BAM_API_KEY=a-secret", "dotnet", Path.Combine(AppContext.BaseDirectory, "Bam.Cli.dll"), "serve", Model(),
                "--port", "0", "--json",
            ])
        {
            RedirectStandardOutput = true, RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        try
        {
            var text = new StringBuilder();
            while (await process.StandardOutput.ReadLineAsync() is { } line && text.Append(line) is not null)
                if (line == "}") break;
            var served = JsonElement.Parse(text.ToString());
            served.GetProperty("model").GetString().ShouldBe("bam-expert-kv");
            // K and V, layers, heads, head_dim, tokens, slots, bytes
            served.GetProperty("cache_bytes").GetInt64().ShouldBe(2L * 2 * 4 * 2 * 8 * 128 * 8 * 4);
            using var client = new HttpClient();
            (await client.GetAsync($"{served.GetProperty("address").GetString()}/v1/models")).StatusCode
                .ShouldBe(HttpStatusCode.Unauthorized);
        }
        finally
        {
            process.Kill(entireProcessTree: true);
        }
    }

    [Theory]
    [InlineData("--port: expected a number from 0 to 65535, found 70000", "--port", "70000")]
    [InlineData("--slots: expected a number from 1 to 1024, found 0", "--slots", "0")]
    [InlineData("--queue: expected a number from 1", "--queue", "0")]
    [InlineData("--context: expected a number from 1 to 128, found 129", "--context", "129")]
    [InlineData("--max-tokens: expected a number from 1", "--max-tokens", "0")]
    [InlineData("--timeout: expected a number from 1", "--timeout", "0")]
    [InlineData("--api-key: expected printable ASCII", "--api-key", "a b")]
    [InlineData("--dtype: expected float32 or bfloat16, found float16", "--dtype", "float16")]
    [InlineData("--host: expected an address or a name of this machine", "--host", "no.such.host.invalid")]
    [InlineData("--host 192.0.2.1 --port 0: ", "--host", "192.0.2.1", "--port", "0")]
    [InlineData("--device", "--device", "tpu")]
    public void A_wrong_request_costs_one_line(string message, params string[] options)
    {
        var run = CommandLineRun.Of(["serve", Model(), .. options]);
        run.Status.ShouldBe(ExitStatus.WrongRequest);
        run.Output.ShouldBe("");
        run.Error.ShouldStartWith($"bam: {message}");
        run.Error.TrimEnd('\n').ShouldNotContain('\n');
    }

    [Theory]
    [InlineData("--slots and --context: ", "lower one of the two", "serve", "--slots", "1024", "--context", "2000000000")]
    [InlineData("the key-value cache: ", "ask for fewer tokens", "generate", "--prompt", "a", "--max-tokens", "2000000000")]
    [InlineData(
        "the key-value cache: ", "ask for fewer tokens", "eval latency", "--prompt-tokens", "2", "--new-tokens", "2000000000")]
    public void Keys_and_values_that_the_memory_cannot_hold_are_refused(
        string what, string hint, string command, params string[] options)
    {
        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(Model(), "config.json")))!;
        config["max_position_embeddings"] = int.MaxValue;
        File.WriteAllText(Path.Combine(Model(), "config.json"), config.ToJsonString());
        var run = CommandLineRun.Of([.. command.Split(' '), Model(), .. options]);
        run.Status.ShouldBe(ExitStatus.WrongRequest);
        run.Output.ShouldBe("");
        run.Error.ShouldStartWith($"bam: {what}expected keys and values that fit the ");
        run.Error.ShouldEndWith($"{hint}, or use a machine with more memory\n");
        run.Error.TrimEnd('\n').ShouldNotContain('\n');
    }

    [Fact]
    public void A_port_in_use_is_refused()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port.ToString(CultureInfo.InvariantCulture);
        var run = CommandLineRun.Of("serve", Model(), "--port", port);
        run.Status.ShouldBe(ExitStatus.WrongRequest);
        run.Error.ShouldContain("address already in use; choose another one");
    }

    [Fact]
    public void An_interruption_ends_with_0()
    {
        using var source = new CancellationTokenSource();
        source.Cancel();
        CommandLineRun.Of(source.Token, "serve", Model(), "--port", "0").ShouldBeDone();
    }

    private string Model()
    {
        var directory = Path.Combine(root, "bam-expert-kv");
        if (Directory.Exists(directory)) return directory;
        Directory.CreateDirectory(directory);
        foreach (var file in new[] { "config.json", "model.safetensors" })
            File.Copy(RepositoryRoot.PathOf("tests", "fixtures", "bam", "bam-expert-kv", file), Path.Combine(directory, file));
        var letters = Enumerable.Range(0, 95).Select(i => i == 0 ? "Ġ" : ((char)(' ' + i)).ToString());
        var vocabulary = letters.Select((letter, id) => $"{JsonSerializer.Serialize(letter)}: {id}");
        File.WriteAllText(Path.Combine(directory, "tokenizer.json"), $$$"""
            {"model": {"type": "BPE", "unk_token": "a", "vocab": {{{{string.Join(", ", vocabulary)}}}}, "merges": []},
            "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false}, "decoder": {"type": "ByteLevel"}}
            """);
        return directory;
    }
}
