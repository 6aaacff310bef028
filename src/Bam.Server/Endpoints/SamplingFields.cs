using System.Text.Json;
using Bam.Generation;
using Bam.Server.Http;
using Bam.Server.Serving;

namespace Bam.Server.Endpoints;

/// <summary>What completions and chat completions can both say about their texts.</summary>
internal sealed record SamplingFields
{
    /// <summary>The most alternatives that come with a token.</summary>
    public const int MaxTopLogProbs = 20;

    private const int MaxChoices = 128;
    private const int MaxStops = 1024;

    /// <summary>The number of texts for each prompt.</summary>
    public required int Choices { get; init; }

    public required SamplerOptions Sampler { get; init; }

    /// <summary>The text ends before the first of these.</summary>
    public required IReadOnlyList<string> Stops { get; init; }

    /// <summary>
    /// The text ends at the first of these: the model's ends of text, and special tokens among the stop strings.
    /// </summary>
    public required IReadOnlySet<int> EndIds { get; init; }

    public required bool Stream { get; init; }

    /// <summary>The ends of text do not end it, for measurements.</summary>
    public required bool IgnoreEnd { get; init; }

    /// <summary>A stream tells the numbers of tokens at its end.</summary>
    public required bool IncludeUsage { get; init; }

    /// <summary>Bam's own: the experts of each token come with it.</summary>
    public required bool TraceRouting { get; init; }

    /// <summary>Reads the fields and refuses what would be ignored otherwise.</summary>
    /// <exception cref="ApiException">A field has a value that cannot be used.</exception>
    public static SamplingFields Read(RequestFields fields, ServedModel served)
    {
        RequireModel(fields, served);
        RequireNeutral(fields);
        var stream = fields.Flag("stream");
        var streamOptions = fields.Object("stream_options");
        if (streamOptions is not null && !stream)
            throw ApiException.Wrong("stream_options", "'stream_options' is only allowed when 'stream' is true.");
        var includeUsage = streamOptions?.Flag("include_usage") ?? false;
        streamOptions?.Ignore("include_obfuscation");
        streamOptions?.RefuseOthers();
        var (stops, ignoreEnd) = (StopsOf(fields), fields.Flag("ignore_eos"));
        return new()
        {
            Choices = (int)(fields.Integer("n", 1, MaxChoices) ?? 1),
            Sampler = SamplerOf(fields),
            Stops = stops,
            EndIds = EndIdsOf(stops, served, ignoreEnd),
            IgnoreEnd = ignoreEnd,
            Stream = stream,
            IncludeUsage = includeUsage,
            TraceRouting = fields.Flag("trace_routing"),
        };
    }

    /// <summary>Refuses requests to another model.</summary>
    /// <exception cref="ApiException">It is one.</exception>
    public static void RequireModel(RequestFields fields, ServedModel served)
    {
        if (fields.Text("model") is not { } name || served.IsNamed(name)) return;
        throw new ApiException(
            404, $"The model '{name}' does not exist; this server has '{served.Id}'.", "model", "model_not_found");
    }

    /// <summary>The sampler of one of several texts for a prompt: the first has the seed that the request gives.</summary>
    public SamplerOptions SamplerOf(int choice) => Sampler with { Seed = unchecked(Sampler.Seed + choice) };

    private static SamplerOptions SamplerOf(RequestFields fields) => new()
    {
        Temperature = fields.Number("temperature", 0, 2) ?? 1,
        // 0 leaves the most probable token alone.
        TopP = Math.Max(fields.Number("top_p", 0, 1) ?? 1, double.Epsilon),
        // 0 and -1 mean all tokens, as vLLM and llama.cpp have it.
        TopK = fields.Integer("top_k", -1, int.MaxValue) is > 0 and var k ? (int)k : null,
        Seed = fields.Integer("seed", long.MinValue, long.MaxValue) ?? Random.Shared.NextInt64(),
    };

    private static List<string> StopsOf(RequestFields fields)
    {
        if (fields.Value("stop") is not { } value) return [];
        List<string> stops = value.ValueKind == JsonValueKind.Array && value.GetArrayLength() <= MaxStops
            ? [.. value.EnumerateArray().Select(TextOf)]
            : [TextOf(value)];
        return stops.Contains("") ? throw ApiException.Wrong("stop", "A string in 'stop' must not be empty.") : stops;

        string TextOf(JsonElement stop) => stop.ValueKind == JsonValueKind.String
            ? stop.GetString()!
            : throw fields.Unexpected("stop", $"a string or a list of at most {MaxStops} strings");
    }

    private static HashSet<int> EndIdsOf(IReadOnlyList<string> stops, ServedModel served, bool ignoreEnd)
    {
        try
        {
            HashSet<int> ids = [.. StopTokens.Of(stops, served.Tokenizer)];
            if (!ignoreEnd) ids.UnionWith(served.EndIds);
            return ids;
        }
        catch (InvalidInputException e)
        {
            throw ApiException.Wrong("stop", e.Message);
        }
    }

    private static void RequireNeutral(RequestFields fields)
    {
        fields.Ignore("user", "metadata", "safety_identifier", "prompt_cache_key", "prompt_cache_retention", "service_tier");
        foreach (var name in new[] { "presence_penalty", "frequency_penalty", "min_p" })
            fields.Neutral(name, value => Is(value, 0));
        fields.Neutral("repetition_penalty", value => Is(value, 1));
        fields.Neutral("logit_bias", IsEmpty);
    }

    /// <summary>Whether a value is a number.</summary>
    public static bool Is(JsonElement value, double number) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var given) && given == number;

    /// <summary>Whether a value is a list or an object without members.</summary>
    public static bool IsEmpty(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => !value.EnumerateObject().Any(),
        JsonValueKind.Array => value.GetArrayLength() == 0,
        _ => false,
    };
}
