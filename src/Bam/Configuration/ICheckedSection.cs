namespace Bam.Configuration;

/// <summary>A record with rules that span several keys.</summary>
internal interface ICheckedSection
{
    /// <summary>Called once all keys are read and each is valid by itself.</summary>
    /// <param name="section">Where the section stands, to build the fault from.</param>
    /// <exception cref="InvalidInputException">A rule is broken; made by <see cref="SectionLocation.Fault"/>.</exception>
    void Check(SectionLocation section);
}
