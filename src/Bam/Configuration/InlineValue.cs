namespace Bam.Configuration;

/// <summary>A part of a YAML file that is handed on as it is, as JSON, because another reader knows what it must hold.</summary>
/// <param name="Json">The value: a JSON string for a scalar, else an object or an array with the file's key order.</param>
/// <param name="Where">"file:line", for that reader's faults.</param>
/// <param name="Scalar">The text when the value is a scalar, else null.</param>
internal sealed record InlineValue(string Json, string Where, string? Scalar)
{
    /// <summary>Equal when the values are; where they stand does not matter.</summary>
    public bool Equals(InlineValue? other) => other is not null && Json == other.Json;

    /// <inheritdoc/>
    public override int GetHashCode() => Json.GetHashCode(StringComparison.Ordinal);
}
