using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using TorchSharp;
using static TorchSharp.torch;

namespace Bam.Bench.TorchSharpPeer;

/// <summary>
/// The TorchSharp peer: trains the benchmark's model for some steps and prints one JSON line as peer.py does, or checks itself
/// against a fixture. Usage: loop|tuned [--check FIXTURE] [--warm-up 3] [--steps 10] [--threads N].
/// </summary>
internal static class Program
{
    private const int BatchSize = 8;

    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    private static readonly Dictionary<string, Form> Forms = new()
    {
        ["loop"] = new((config, rotary) => new LoopBlock(config, rotary), model => new PlainAdamW(model)),
        ["tuned"] = new((config, rotary) => new TunedBlock(config, rotary), model => new FusedAdamW(model)),
    };

    private static int Main(string[] arguments)
    {
        var (name, form) = (arguments[0], Forms[arguments[0]]);
        var options = arguments[1..].Chunk(2).ToDictionary(pair => pair[0], pair => pair[1]);
        if (options.ContainsKey("--threads")) set_num_threads(Number("--threads", 0));
        if (options.TryGetValue("--check", out var fixture)) return Check(name, form, fixture) ? 0 : 1;
        Train(name, form, Number("--warm-up", 3), Number("--steps", 10));
        return 0;

        int Number(string option, int otherwise) =>
            options.TryGetValue(option, out var text) ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;
    }

    private static void Train(string name, Form form, int warmUp, int steps)
    {
        var config = new Config();
        using var model = new LanguageModel(config, form.Block);
        model.Initialize(seed: 1);
        using var optimizer = form.Optimizer(model);
        using var generator = new Generator(2);
        var parameters = model.parameters().ToArray();
        var seconds = new double[warmUp + steps];
        var final = 0.0;
        for (var step = 0; step < seconds.Length; step++)
        {
            var start = Stopwatch.GetTimestamp();
            using var scope = NewDisposeScope();
            var tokens = randint(config.Vocab, [BatchSize, config.Positions + 1], ScalarType.Int64, generator: generator);
            var loss = model.Loss(tokens.narrow(1, 0, config.Positions), tokens.narrow(1, 1, config.Positions)).Total;
            loss.backward();
            nn.utils.clip_grad_norm_(parameters, 1.0);
            optimizer.Step();
            final = loss.item<float>();
            seconds[step] = Stopwatch.GetElapsedTime(start).TotalSeconds;
        }

        var measured = seconds[warmUp..];
        Print(new
        {
            Form = name,
            TokensPerSecond = BatchSize * config.Positions * steps / measured.Sum(),
            StepSeconds = measured,
            Loss = final,
            Parameters = parameters.Sum(parameter => parameter.numel()),
            FlopsPerToken = config.TrainingFlopsPerToken(config.Positions),
            Environment = Surroundings(),
        });
    }

    /// <summary>Compares loss, logits and every gradient with a fixture that an independent implementation wrote.</summary>
    private static bool Check(string name, Form form, string directory)
    {
        const double tolerance = 1e-4;
        var weights = SafetensorsFile.Load(Path.Combine(directory, "model.safetensors"));
        var expected = SafetensorsFile.Load(Path.Combine(directory, "expected.safetensors"));
        using var model = new LanguageModel(Config.Load(Path.Combine(directory, "config.json")), form.Block);
        var views = model.CheckpointViews().ToArray();
        if (!views.Select(view => view.Name).ToHashSet().SetEquals(weights.Keys))
        {
            throw new InvalidDataException($"{directory}: its tensors are not this model's");
        }

        using (no_grad())
        {
            foreach (var view in views) view.View(view.Parameter).copy_(weights[view.Name]);
        }

        var ids = expected["input_ids"];
        var last = full_like(ids.narrow(1, 0, 1), -100);
        var losses = model.Loss(ids, cat([ids.narrow(1, 1, ids.shape[1] - 1), last], dim: 1));
        losses.Total.backward();
        var errors = new Dictionary<string, double>
        {
            ["logits"] = Error(losses.Logits, expected["logits"]),
            ["nll"] = Error(losses.Nll, expected["nll"]),
            ["loss"] = Error(losses.Total, expected["loss"]),
            ["load_balancing"] = Error(losses.Balance, expected["load_balancing"]),
            ["z"] = Error(losses.Z, expected["z"]),
            ["gradients"] = views.Max(view => RelativeError(view.View(view.Parameter.grad!), expected["grad." + view.Name])),
        };
        var holds = errors.Values.All(error => error <= tolerance);
        Print(new { Form = name, Errors = errors, Tolerance = tolerance, Holds = holds, Environment = Surroundings() });
        return holds;
    }

    // The fixture's scalars have the shape [1].
    private static double Error(Tensor found, Tensor expected) =>
        (found.reshape(expected.shape) - expected).abs().max().item<float>();

    private static double RelativeError(Tensor found, Tensor expected) =>
        Error(found, expected) / Math.Max(expected.abs().max().item<float>(), 1e-12);

    private static object Surroundings() => new
    {
        Torch = torch.__version__,
        TorchSharp = typeof(torch).Assembly.GetName().Version?.ToString(),
        Dotnet = Environment.Version.ToString(),
        Threads = get_num_threads(),
        Variables = Environment.GetEnvironmentVariables().Keys.Cast<string>()
            .Where(key => key.StartsWith("OMP_", StringComparison.Ordinal) || key.StartsWith("MKL_", StringComparison.Ordinal)
                || key.StartsWith("MALLOC_", StringComparison.Ordinal) || key.StartsWith("LD_", StringComparison.Ordinal))
            .Order(StringComparer.Ordinal).ToDictionary(key => key, key => Environment.GetEnvironmentVariable(key)),
    };

    private static void Print(object result) => Console.WriteLine(JsonSerializer.Serialize(result, Json));

    private sealed record Form(Func<Config, Rotary, Block> Block, Func<LanguageModel, IOptimizer> Optimizer);
}
