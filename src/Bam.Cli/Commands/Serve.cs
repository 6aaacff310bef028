using System.CommandLine;
using System.Globalization;
using Bam.Checkpoints.Opening;
using Bam.Checkpoints.Safetensors;
using Bam.Files;
using Bam.Models;
using Bam.Server;
using Bam.Server.Serving;
using Bam.Tokenization;
using Bam.Torch;

namespace Bam.Cli.Commands;

/// <summary>Serves a model over HTTP until it is interrupted.</summary>
internal sealed class Serve : Verb
{
    private const string KeyVariable = "BAM_API_KEY";

    private static readonly ServerOptions Defaults = new();

    private readonly Argument<string> model = new("MODEL")
    {
        Description = "A checkpoint directory with a tokenizer.json, or BASE+ADAPTER",
    };

    private readonly Option<string> host = new("--host")
    {
        Description = "Address to listen on; 0.0.0.0 serves other machines too",
        HelpName = "ADDRESS",
        DefaultValueFactory = _ => Defaults.Host,
    };

    private readonly Option<int> port = new("--port")
    {
        Description = "Port to listen on; 0 for any free one",
        HelpName = "N",
        DefaultValueFactory = _ => Defaults.Port,
    };

    private readonly Option<int> slots = new("--slots")
    {
        Description = "Maximum number of texts that are generated at the same time",
        HelpName = "N",
        DefaultValueFactory = _ => Defaults.Slots,
    };

    private readonly Option<int?> context = new("--context")
    {
        Description = "Maximum number of tokens of a text, prompt included "
            + $"[default: the model's maximum length, at most {ServerOptions.DefaultContext}]",
        HelpName = "N",
    };

    private readonly Option<int> queue = new("--queue")
    {
        Description = "Maximum number of texts that wait for a slot, and that one request may ask for",
        HelpName = "N",
        DefaultValueFactory = _ => Defaults.Queue,
    };

    private readonly Option<int?> maxTokens = new("--max-tokens")
    {
        Description = "Maximum number of new tokens of a text [default: what the context has room for]",
        HelpName = "N",
    };

    private readonly Option<int> timeout = new("--timeout")
    {
        Description = "Maximum time of a request in seconds, including the time in the queue",
        HelpName = "S",
        DefaultValueFactory = _ => ServerOptions.DefaultTimeoutSeconds,
    };

    private readonly Option<string?> apiKey = new("--api-key")
    {
        Description = $"Key that clients must send as a bearer token [default: {KeyVariable}, if set]",
        HelpName = "KEY",
    };

    private readonly Option<string> device = DeviceOption.Create();

    private readonly Option<string?> dtype = new("--dtype")
    {
        Description = "Compute dtype: float32 or bfloat16 [default: float32]",
        HelpName = "DTYPE",
    };

    private readonly Option<string> weightsDtype = WeightsDtypeOption.Create();

    public Serve()
        : base(
            "serve", "Serve a model over HTTP, with OpenAI's interface and a page to try it",
            "bam serve MODEL --port 8000 --slots 8")
    {
        Arguments.Add(model);
        foreach (var option in new Option[]
        {
            host, port, slots, context, queue, maxTokens, timeout, apiKey, device, dtype, weightsDtype,
        })
        {
            Options.Add(option);
        }
    }

    public override int Execute(Invocation invocation)
    {
        var directory = invocation.GetRequired(model);
        var config = ModelConfigReader.Load(directory, invocation.Reporter);
        LibTorch.BeginLoad();
        using var checkpoint = Checkpoint.Open(directory, invocation.Reporter);
        var tokenizer = Tokenizer.Load(ModelPath.Of(directory).Base);
        tokenizer.RequireFits(config.VocabSize, directory, invocation.Reporter);
        var options = Request(invocation);
        options.Validate(config);
        var computeType = ComputeType(invocation);
        var weightsType = WeightsDtypeOption.Of(invocation, weightsDtype);

        LibTorch.Load();
        var place = DeviceOption.Of(invocation, device);
        WeightsDtypeOption.Require(weightsType, place, computeType);
        new CacheMemory(options.Slots, options.ContextOf(config))
        {
            What = "--slots and --context", Hint = "lower one of the two",
        }.Require(config, place, computeType, weightsType);
        using var loaded = ModelCheckpoint.Load(checkpoint, place, computeType, withGradients: false, weightsType: weightsType);
        checkpoint.Dispose(); // its files need not stay open while it serves
        using var served = new ServedModel(loaded, tokenizer, directory, options, invocation.Reporter);
        var cacheBytes = KeyValueCache.BytesPerToken(config, computeType) * options.Slots * served.Context;
        Run(invocation, served, cacheBytes).GetAwaiter().GetResult();
        return ExitStatus.Done;
    }

    private static async Task Run(Invocation invocation, ServedModel served, long cacheBytes)
    {
        await using var server = await ApiServer.Start(served);
        var options = served.Options;
        invocation.WriteJson(
            () => new { server.Address, Model = served.Id, options.Slots, served.Context, CacheBytes = cacheBytes });
        invocation.WritePiece($"{server.Address}\n");
        invocation.Reporter.Say(string.Create(
            CultureInfo.InvariantCulture,
            $"serving {served.Id}: {options.Slots} texts side by side, {served.Context:N0} tokens each; "
            + $"keys and values {cacheBytes / 1e6:0.0} MB; Ctrl-C stops"));
        if (!server.IsLocal && options.ApiKey is null)
            invocation.Reporter.Warn($"anybody who reaches {server.Address} can use it; --api-key or {KeyVariable} sets a key");
        var interrupted = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var registration = invocation.Cancellation.Register(interrupted.SetResult);
        await interrupted.Task;
        invocation.Reporter.Say(string.Create(
            CultureInfo.InvariantCulture, $"running requests may end within {options.StopPatience.TotalSeconds:0} s"));
        await server.Stop();
    }

    private ServerOptions Request(Invocation invocation) => new()
    {
        Host = invocation.Get(host)!,
        Port = invocation.Get(port),
        Slots = invocation.Get(slots),
        Context = invocation.Get(context),
        Queue = invocation.Get(queue),
        MaxTokens = invocation.Get(maxTokens),
        Timeout = TimeSpan.FromSeconds(invocation.Get(timeout)),
        ApiKey = invocation.Get(apiKey) ?? (Environment.GetEnvironmentVariable(KeyVariable) is { Length: > 0 } key ? key : null),
    };

    private ScalarType ComputeType(Invocation invocation) => DtypeOption.Parse(invocation.Get(dtype)) switch
    {
        null or TensorDtype.Float32 => ScalarType.Float32,
        TensorDtype.BFloat16 => ScalarType.BFloat16,
        _ => throw new InvalidInputException("--dtype", "float32 or bfloat16", invocation.Get(dtype)!, "choose one of these"),
    };
}
