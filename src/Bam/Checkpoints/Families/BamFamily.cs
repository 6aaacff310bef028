namespace Bam.Checkpoints.Families;

/// <summary>Bam's own checkpoints.</summary>
internal static class BamFamily
{
    /// <summary>The table.</summary>
    public static readonly ModelFamily Family = new() { ModelType = ModelConfigJson.ModelType, Read = ModelConfigJson.Read };
}
