using Bam.Checkpoints;

namespace Bam.Server.Serving;

/// <summary>What a server may use, and where it listens.</summary>
internal sealed record ServerOptions
{
    public const int DefaultPort = 8000;
    public const int DefaultSlots = 8;
    public const int DefaultContext = 4096;
    public const int DefaultQueue = 256;
    public const int DefaultTimeoutSeconds = 600;

    /// <summary>An address or a name of this machine.</summary>
    public string Host { get; init; } = "127.0.0.1";

    /// <summary>0 for any free port.</summary>
    public int Port { get; init; } = DefaultPort;

    /// <summary>What clients must send as a bearer token; null for access without a key.</summary>
    public string? ApiKey { get; init; }

    /// <summary>The most texts that are decoded at the same time.</summary>
    public int Slots { get; init; } = DefaultSlots;

    /// <summary>
    /// The most tokens of one text, prompt included; null for the model's longest input, up to <see cref="DefaultContext"/>.
    /// </summary>
    public int? Context { get; init; }

    /// <summary>The most texts that wait for a slot, and the most that one request may ask for.</summary>
    public int Queue { get; init; } = DefaultQueue;

    /// <summary>The most new tokens of one text; null for no limit but the context.</summary>
    public int? MaxTokens { get; init; }

    /// <summary>The longest time that a request may take.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(DefaultTimeoutSeconds);

    /// <summary>How long running requests may take to end when the server stops.</summary>
    public TimeSpan StopPatience { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The most probabilities in one answer: they are some 150 bytes each until it is written.</summary>
    public long MaxLogProbs { get; init; } = 1_000_000;

    /// <summary>The largest body of a request.</summary>
    public long MaxBodyBytes { get; init; } = 8 << 20;

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="InvalidInputException">An option is out of range.</exception>
    public void Validate(ModelConfig config)
    {
        Require("--port", Port, 0, ushort.MaxValue);
        Require("--slots", Slots, 1, 1024);
        Require("--queue", Queue, 1, 100_000);
        if (Context is { } context) Require("--context", context, 1, config.LongestInput);
        if (MaxTokens is { } maxTokens) Require("--max-tokens", maxTokens, 1, int.MaxValue);
        Require("--timeout", (int)Timeout.TotalSeconds, 1, 86_400);
        if (ApiKey is not null && (ApiKey.Length == 0 || ApiKey.Any(letter => letter is <= ' ' or > '~')))
            throw new InvalidInputException("--api-key", "printable ASCII characters without spaces", "others", "change it");
    }

    /// <summary>The most tokens of one text.</summary>
    public int ContextOf(ModelConfig config) => Context ?? Math.Min(config.LongestInput, DefaultContext);

    private static void Require(string name, int value, int min, int max)
    {
        if (value < min || value > max)
            throw new InvalidInputException(name, $"a number from {min} to {max}", $"{value}", "change it");
    }
}
