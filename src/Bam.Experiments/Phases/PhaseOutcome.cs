using System.Text.Json;
using Bam.Files;

namespace Bam.Experiments.Phases;

/// <summary>What a finished phase left in <c>done.json</c>.</summary>
/// <param name="File">The file.</param>
/// <param name="Seconds">Wall time of the attempt that finished it.</param>
/// <param name="Result">What the phase returned.</param>
internal sealed record PhaseOutcome(string File, double Seconds, JsonElement Result)
{
    internal const string Hint = "remove the file to run the phase again";

    private static readonly JsonSerializerOptions SnakeCase = JsonRecord.Options;

    /// <summary>The result as a record.</summary>
    /// <param name="options">How it was written; by default with names in snake_case.</param>
    /// <exception cref="InvalidInputException">It is damaged.</exception>
    public T Read<T>(JsonSerializerOptions? options = null) => JsonRecord.Read<T>(Result, $"{File}: key 'result'", Hint, options ?? SnakeCase);

    /// <summary>The result by name, with an entry for each of <paramref name="names"/>.</summary>
    /// <exception cref="InvalidInputException">It is damaged.</exception>
    public IReadOnlyDictionary<string, T> ReadByName<T>(IEnumerable<string> names)
    {
        var found = Read<Dictionary<string, T>>();
        return names.FirstOrDefault(name => !found.ContainsKey(name)) is { } missing
            ? throw new InvalidInputException($"{File}: key 'result.{missing}' is missing; {Hint}")
            : found;
    }
}
